/** What the server would reduce a photo to anyway: pixels on the longer side. */
export const LONGEST_SIDE = 2048;
const QUALITY = 0.92;

interface Size {
  width: number;
  height: number;
}

/** The size to send, or null to leave it: small enough already, or too narrow to be reduced without being refused. */
export function fit({ width, height }: Size, minSide: number): Size | null {
  const scale = LONGEST_SIDE / Math.max(width, height);
  if (scale >= 1) return null;
  const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
  return Math.min(size.width, size.height) < minSide ? null : size;
}

/** Reduces a photo before it travels. What this browser can't decode (HEIC on Android) is left to the server. */
export async function shrink(file: File, minSide: number): Promise<File> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return file;
  }
  try {
    const size = fit(bitmap, minSide);
    const blob = size && (await encode(bitmap, size));
    if (!blob || blob.size >= file.size) return file;
    return new File([blob], `${file.name.replace(/\.[^.]*$/, '')}.jpg`, { type: blob.type });
  } finally {
    bitmap.close();
  }
}

function encode(bitmap: ImageBitmap, { width, height }: Size): Promise<Blob | null> {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  if (!context) return Promise.resolve(null);
  // JPEG knows no transparency: without this, it would turn black.
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', QUALITY));
}
