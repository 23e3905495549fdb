/** A list of the objects of one name is a request for that name. */
export function selectedName(fieldSelector = ""): string | undefined {
  const term = fieldSelector.split(",").find((text) => text.startsWith("metadata.name="));
  return term?.slice("metadata.name=".length).replace(/^=/, "") || undefined;
}
