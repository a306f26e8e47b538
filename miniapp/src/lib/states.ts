/** What the screens after the first one say of trainings and stars: states, reasons, and errors of their own. */
import type { FieldProblem, Generation, HistoryEntry, TrainingStatus } from './api';
import { type Key, t } from './i18n/i18n.svelte';
import { errors } from './words';

Object.assign(errors, {
  training_ended: 'error.training_ended',
  training_not_found: 'error.not_found',
  model_not_found: 'error.model_not_found',
  too_many_selected: 'error.too_many_selected',
  generation_not_found: 'error.pictures_gone',
  generation_ended: 'error.pictures_made',
  too_many_waiting: 'error.too_many_waiting',
  model_unknown: 'error.model_unknown',
  model_hidden: 'error.model_hidden',
  own_model: 'error.own_model',
  promo_unknown: 'error.promo_unknown',
  promo_redeemed: 'error.promo_redeemed',
  promo_over: 'error.promo_over',
  promo_used_up: 'error.promo_used_up',
  support_nobody: 'error.support_nobody',
  bot_blocked: 'error.bot_blocked',
} satisfies typeof errors);

/** Why a row stands in the history of stars. A kind that this version doesn't know is told in the server's words. */
export function historyReason({ kind, amount, training, generation, reason }: HistoryEntry): string {
  const name = training?.name ?? '';
  switch (kind) {
    case 'welcome':
      return t('history.welcome');
    case 'purchase':
      return t('history.purchase', { count: amount });
    case 'bonus':
      return t('history.bonus');
    case 'grant':
      return t('history.grant');
    case 'chargeback':
      return t('history.chargeback');
    case 'debt':
      return t('history.debt');
    case 'training':
      return t('history.training', { name });
    case 'generation':
      return t('history.generation', { count: generation?.count ?? 0 });
    case 'refund':
      if (generation) return t('history.notMade');
      return t('history.refund', { name });
    default:
      return reason;
  }
}

/** Where a training stands, in two or three words. */
export function stateLabel({ status, metadata }: TrainingStatus): string {
  switch (status) {
    case 'PENDING':
      // The position is how many wait before this one.
      return metadata.queuePosition
        ? t('status.queue', { ahead: metadata.queuePosition })
        : t('status.pending');
    case 'TRAINING':
      return t('status.training');
    case 'COMPLETED':
      return t('status.completed');
    case 'FAILED':
      return isCancelled(metadata.errorCode) ? t('status.cancelled') : t('status.failed');
  }
}

export const isCancelled = (errorCode: string | null): boolean => errorCode === 'cancelled';

/** Why a training ended without a model; null for one that didn't. */
export function failureText({ status, metadata: { errorCode }, error }: TrainingStatus): string | null {
  if (status !== 'FAILED') return null;
  const known = failures[errorCode ?? ''];
  return known ? t(known) : (error ?? t('progress.failedText'));
}

/** Codes of ours and of the trainers. */
const failures: Partial<Record<string, Key & (`failure.${string}` | 'progress.cancelledText')>> = {
  cancelled: 'progress.cancelledText',
  timed_out: 'failure.timed_out',
  provider_failed: 'failure.provider',
  provider_unavailable: 'failure.provider',
  result_expired: 'failure.provider',
  no_result: 'failure.no_result',
  no_media_generated: 'failure.no_result',
  bad_request: 'failure.refused',
  validation_error: 'failure.refused',
  invalid_archive: 'failure.archive',
  file_download_error: 'failure.archive',
  archive_file_count_below_minimum: 'failure.too_few',
  archive_file_count_exceeds_maximum: 'failure.too_many',
  file_too_large: 'failure.too_large',
  image_load_error: 'failure.image',
  image_too_small: 'failure.image_small',
  image_too_large: 'failure.image_large',
  content_policy_violation: 'failure.policy',
};

// --- pictures ---

/** Where pictures stand that are being made. */
export function makingState({ status, position }: Generation): string {
  if (status === 'RUNNING') return t('making.painting');
  if (position === null) return t('making.starts');
  return position === 0 ? t('making.next') : t('making.queue', { count: position });
}

/** Why there are none; null where there are, or may be yet. */
export function makingFailure({ status, errorCode, error }: Generation): string | null {
  if (status !== 'FAILED') return null;
  const known = makingFailures[errorCode ?? ''];
  return known ? t(known) : (error ?? t('making.failed'));
}

/** That there are fewer than were asked for; null where there aren't. */
export function heldBackText({ heldBack, pictures, starsRefunded }: Generation): string | null {
  if (heldBack === 0 || pictures.length === 0) return null;
  return `${t('making.heldBack', { count: heldBack })} ${t('progress.refunded', { count: starsRefunded })}`;
}

type Counted = 'making.open' | 'making.queue' | 'making.heldBack';

const makingFailures: Partial<Record<string, Exclude<Key & `making.${string}`, Counted>>> = {
  cancelled: 'making.cancelled',
  unsafe: 'making.unsafe',
  content_policy_violation: 'making.unsafe',
  timed_out: 'making.timedOut',
  provider_failed: 'making.provider',
  provider_unavailable: 'making.provider',
  result_expired: 'making.provider',
  no_result: 'making.provider',
  no_media_generated: 'making.provider',
  bad_request: 'making.refused',
  validation_error: 'making.refused',
  file_download_error: 'making.weights',
};

/** What is wrong with a field of what was asked for. A code that this version doesn't know is in the server's words. */
export function fieldText({ code, message, word, least, most }: FieldProblem): string {
  switch (code) {
    case 'word_refused':
      return t('create.refusedWord', { word: String(word) });
    case 'model_unknown':
      return t('create.lost');
    case 'steps_out_of_range':
    case 'guidance_out_of_range':
    case 'seed_out_of_range':
    case 'count_out_of_range':
      return t('create.range', { minimum: String(least), maximum: String(most) });
    default:
      return message;
  }
}
