/**
 * Replaces `$(NAME)` by the variable's value. A name that is not known stays as it is; `$$` is a literal dollar, so that
 * `$$(NAME)` comes out as `$(NAME)`.
 * https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */
export function expandVariables(text: string, lookUp: (name: string) => string | undefined): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (match, name?: string) => {
    if (name === undefined) return "$";
    return lookUp(name) ?? match;
  });
}
