/**
 * The tag an image reference names: "latest" when it names none, "" when it is pinned by digest or cannot be read.
 * `registry:5000/app` has a port, not a tag.
 */
export function imageTag(image: string): string {
  if (image === "" || image !== image.trim() || image.includes("@")) return "";
  const colon = image.lastIndexOf(":");
  return colon > image.lastIndexOf("/") ? image.slice(colon + 1) : "latest";
}

/** What imagePullPolicy is when nobody says. https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting */
export const defaultPullPolicy = (image: string | undefined) =>
  imageTag(image ?? "") === "latest" ? "Always" : "IfNotPresent";
