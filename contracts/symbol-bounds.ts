/** Size of a picture in pixels of its longer side, its margin in modules, and error correction; `fallback` if none is chosen. */
export const sizeBounds = { min: 64, max: 4096, fallback: 512 };
export const marginBounds = { min: 0, max: 16, fallback: 4 };
export const eccFallback = "M";
