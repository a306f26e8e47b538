/** Codes of the server in the words of the catalogues. */
import { ApiError, type Limits } from './api';
import { type Key, t } from './i18n/i18n.svelte';
import { isLong } from './retry';

const EXPIRED = ['init_data_expired', 'session_expired'];

/** What happened and what can be done about it. */
export function errorText(error: unknown): string {
  if (!(error instanceof ApiError)) return t('error.unknown');
  const known = errors[error.code];
  if (known) return t(known);
  if (error.status === 0) return t('error.network');
  if (EXPIRED.includes(error.code)) return t('error.expired');
  if (error.status === 401 || error.status === 403) return t('error.init_data');
  if (error.status === 429) return t(isLong(error.retryAfter) ? 'error.too_often' : 'error.busy');
  if (error.status >= 500) return t('error.server');
  return error.message || t('error.unknown');
}

/** By the server's code. The screens that come later bring theirs. */
export const errors: Partial<Record<string, Key & `error.${string}`>> = {
  // With the server's name of a field, and in its language: our fields say more as one writes.
  invalid: 'error.invalid',
  word_refused: 'error.word_refused',
  draft_changed: 'error.draft_changed',
  upload_expired: 'error.upload_expired',
  too_few_photos: 'error.too_few_photos',
  photo_not_found: 'error.photo_gone',
  unreadable: 'error.unreadable',
  purchases_paused: 'error.purchases_paused',
  pack_gone: 'error.pack_gone',
  telegram_unavailable: 'error.telegram',
};

/** Only a new launch from Telegram helps. */
export function needsNewLaunch(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 401 || error.status === 403);
}

export interface Words {
  /** Two or three words for a badge. */
  label: string;
  /** Why, and what to do. */
  reason: string;
}

export interface Judged {
  verdict: 'ok' | 'warning' | 'refused';
  code: string | null;
  reason: string | null;
}

/** A code that this version doesn't know is told in the server's own words. */
export function verdictWords({ verdict, code, reason }: Judged, limits: Limits): Words {
  if (verdict === 'ok') return { label: t('verdict.ok'), reason: t('verdict.okReason') };
  const known = code === null ? undefined : verdicts[code];
  if (known) return known(limits);
  return { label: t(verdict === 'warning' ? 'verdict.warning' : 'verdict.refused'), reason: reason ?? '' };
}

const verdicts: Record<string, ((limits: Limits) => Words) | undefined> = {
  blurred: () => ({ label: t('verdict.blurred'), reason: t('verdict.blurredReason') }),
  near_duplicate: () => ({ label: t('verdict.near_duplicate'), reason: t('verdict.near_duplicateReason') }),
  duplicate: () => ({ label: t('verdict.duplicate'), reason: t('verdict.duplicateReason') }),
  too_small: ({ photoMinSide }) => ({
    label: t('verdict.too_small'),
    reason: t('verdict.too_smallReason', { side: photoMinSide }),
  }),
  too_many_pixels: ({ photoMaxPixels }) => ({
    label: t('verdict.too_many_pixels'),
    reason: t('verdict.too_many_pixelsReason', { megapixels: Math.floor(photoMaxPixels / 1e6) }),
  }),
  file_too_large: ({ photoMaxBytes }) => ({
    label: t('verdict.file_too_large'),
    reason: t('verdict.file_too_largeReason', { megabytes: Math.floor(photoMaxBytes / 1e6) }),
  }),
  not_an_image: () => ({ label: t('verdict.not_an_image'), reason: t('verdict.not_an_imageReason') }),
  unsupported_format: () => ({
    label: t('verdict.unsupported_format'),
    reason: t('verdict.unsupported_formatReason'),
  }),
  empty_file: () => ({ label: t('verdict.empty_file'), reason: t('verdict.empty_fileReason') }),
  corrupt: () => ({ label: t('verdict.corrupt'), reason: t('verdict.corruptReason') }),
  too_many_photos: ({ photosMax }) => ({
    label: t('verdict.too_many_photos'),
    reason: t('verdict.too_many_photosReason', { maximum: photosMax }),
  }),
};
