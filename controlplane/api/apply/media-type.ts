import { mediaType } from "../decode-body.js";

export const APPLY_PATCH = "application/apply-patch+yaml";

export const isApply = ({ contentType }: { readonly contentType?: string }): boolean =>
  contentType !== undefined && mediaType(contentType) === APPLY_PATCH;
