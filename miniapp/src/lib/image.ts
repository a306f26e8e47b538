import { ApiError, type Limits } from './api';

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

const NO_PHOTO = /^(video|audio)\//;
/** Some Android pickers give a name and no type. */
const NO_PHOTO_NAME = /\.(mp4|m4v|mov|3gp|avi|mkv|webm|mp3|m4a|pdf)$/i;

/** What can be told without looking into a file: why it is no photo, or null. */
export function refusal(file: File): ApiError | null {
  if (NO_PHOTO.test(file.type) || (file.type === '' && NO_PHOTO_NAME.test(file.name))) {
    return new ApiError(415, 'not_an_image');
  }
  return file.size === 0 ? new ApiError(422, 'empty_file') : null;
}

/**
 * Makes a chosen file fit to travel. An ApiError refuses it by the server's own codes and a few of ours, of which
 * `unreadable` may pass.
 */
export async function prepare(file: File, limits: Limits): Promise<File> {
  const refused = refusal(file);
  if (refused) throw refused;
  const reduced = await shrink(file, limits.photoMinSide);
  if (reduced.size > limits.photoMaxBytes) throw new ApiError(413, 'file_too_large');
  return reduced === file ? inMemory(file) : reduced;
}

/** Files of a cloud or a locked album are there by name alone, or change while they are sent. */
async function inMemory(file: File): Promise<File> {
  try {
    return new File([await file.arrayBuffer()], file.name, { type: file.type });
  } catch {
    throw new ApiError(0, 'unreadable');
  }
}

/** Reduces a photo. What this browser can't decode (HEIC on Android) is left to the server. */
async function shrink(file: File, minSide: number): Promise<File> {
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
