import { type Api, ApiError, type Limits, type Photo } from './api';
import { Captions } from './captions.svelte';
import { prepare, refusal } from './image';
import { persist, wait } from './retry';
import { type Upload, Uploads } from './uploads.svelte';
import { t } from './i18n/i18n.svelte';
import { keep, recall } from './storage';
import { errorText, verdictWords, type Words } from './words';

/** The server lists photos as they arrive; this device remembers how they were chosen. */
const ORDER = 'selfi.order';

/** A photo as the grid shows it: one of the draft, or on its way there; a sent one keeps its place and picture. */
export interface Tile {
  key: string;
  name: string;
  src: string;
  photo: Photo | null;
  upload: Upload | null;
  /** On its way out of the draft. */
  leaving: boolean;
}

/** The person's draft: what the server holds, from here and from the chat, and what is on its way to it. */
export class Photos {
  readonly uploads: Uploads;
  readonly captions: Captions;
  #kept = $state.raw<Photo[]>([]);
  /** Names of those chosen last that were over the limit. */
  leftOut = $state.raw<string[]>([]);
  loaded = $state(false);
  error = $state.raw<unknown>(null);

  readonly #api: Api;
  readonly limits: Limits;
  /** Removals under way, by the photo's id. */
  #leaving = $state.raw<Readonly<Record<string, Promise<void>>>>({});
  /** An answer that was asked for before the newest change may still tell of what was before it. */
  #changes = 0;
  #asks = 0;

  /** Ids that the server accepted. */
  readonly #sent = $derived.by(() => this.uploads.items.map((item) => item.photo?.id));

  readonly tiles: Tile[] = $derived.by(() =>
    [
      ...this.#kept.filter((photo) => !this.#sent.includes(photo.id)).map(tileOfPhoto),
      ...this.uploads.items.filter((item) => !item.unwanted).map(tileOfUpload),
    ].map((tile) => ({ ...tile, leaving: tile.photo !== null && tile.photo.id in this.#leaving })),
  );

  /** Those that a training would be made of. */
  readonly present = $derived.by(() =>
    this.tiles.flatMap(({ photo, leaving }) => (photo && !leaving ? photo : [])),
  );
  readonly count = $derived.by(() => this.present.length);
  readonly room = $derived.by(() => Math.max(0, this.limits.photosMax - this.count - this.uploads.active));
  readonly refused = $derived.by(() => this.uploads.items.filter((item) => item.state === 'refused'));
  readonly failed = $derived.by(() => this.uploads.items.filter((item) => item.state === 'failed'));
  /** Whether something would be lost with the page: what could be sent again, too. */
  readonly unsaved = $derived.by(
    () => this.uploads.active > 0 || this.failed.length > 0 || this.captions.unsaved,
  );

  constructor(api: Api, limits: Limits) {
    this.#api = api;
    this.limits = limits;
    this.uploads = new Uploads({
      prepare: (file) => prepare(file, limits),
      post: (file, key, onProgress, signal) => api.addPhoto(file, key, onProgress, signal),
      discard: (photo) => this.#removeKept(photo.id),
      wait,
    });
    this.captions = new Captions(
      api,
      (photo) => this.#replace(photo),
      () => void this.load(),
    );
    $effect.root(() => {
      $effect(() => {
        if (this.loaded) keep(ORDER, this.tiles.flatMap(({ photo }) => photo?.id ?? []).join(' '));
      });
    });
  }

  /** Photos may have come from the chat, or gone with a training, while nobody looked here. */
  async load(): Promise<void> {
    const sent = this.uploads.items.filter((item) => item.photo);
    const changes = this.#changes;
    const ask = (this.#asks += 1);
    this.error = null;
    try {
      const { photos } = await persist(() => this.#api.draft());
      if (ask !== this.#asks) return;
      if (changes !== this.#changes) {
        await this.load();
        return;
      }
      for (const item of sent) {
        if (!photos.some((photo) => photo.id === item.photo?.id)) this.uploads.remove(item);
      }
      this.#kept = asChosen(photos);
      this.#forgetCaptions();
      this.loaded = true;
    } catch (error) {
      if (ask === this.#asks) this.error = error;
    }
  }

  add(files: readonly File[]): void {
    // What is refused at once takes nobody's place.
    const left = files.filter((file) => !refusal(file)).slice(this.room);
    this.leftOut = left.map((file) => file.name);
    this.uploads.add(files.filter((file) => !left.includes(file)));
  }

  async remove(tile: Tile): Promise<void> {
    if (tile.photo) await this.#removeKept(tile.photo.id);
    if (tile.upload) this.uploads.remove(tile.upload);
    this.#forgetCaptions();
    this.leftOut = [];
  }

  /** Without the photos that have become a training, and what could never be one. What came since then stays. */
  clear(ids: readonly string[]): void {
    this.#changes += 1;
    this.#kept = this.#kept.filter(({ id }) => !ids.includes(id));
    for (const item of this.uploads.items) {
      if (item.photo ? ids.includes(item.photo.id) : item.state === 'refused' && !isOneTooMany(item)) {
        this.uploads.remove(item);
      }
    }
    this.leftOut = [];
  }

  removeRefused(): void {
    for (const upload of this.refused) this.uploads.remove(upload);
  }

  removeFailed(): void {
    for (const upload of this.failed) this.uploads.remove(upload);
  }

  retryFailed(): void {
    for (const upload of this.failed) this.uploads.retry(upload);
  }

  /** Whether sending it once more may end otherwise. */
  canRetry({ upload }: Tile): boolean {
    return upload?.state === 'failed' || (isOneTooMany(upload) && this.room > 0);
  }

  saveCaption(tile: Tile): void {
    if (tile.photo) void this.captions.save(tile.photo);
  }

  /** Before a training is made of them: whatever was done to them is done there, too. */
  async settle(): Promise<void> {
    await Promise.allSettled(Object.values(this.#leaving));
    await this.captions.saveAll(this.present);
  }

  /** Those of photos that are gone. */
  #forgetCaptions(): void {
    this.captions.keepOnly(this.tiles.flatMap(({ photo }) => photo ?? []));
  }

  async #removeKept(id: string): Promise<void> {
    const removal = this.#leaving[id] ?? this.#takeBack(id);
    this.#leaving = { ...this.#leaving, [id]: removal };
    try {
      await removal;
    } finally {
      this.#leaving = Object.fromEntries(Object.entries(this.#leaving).filter(([other]) => other !== id));
    }
  }

  async #takeBack(id: string): Promise<void> {
    try {
      await persist(() => this.#api.removePhoto(id));
    } catch (error) {
      // Gone already is what we wanted.
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
    this.#changes += 1;
    this.#kept = this.#kept.filter((photo) => photo.id !== id);
  }

  #replace(photo: Photo): void {
    this.#kept = this.#kept.map((kept) => (kept.id === photo.id ? photo : kept));
    for (const item of this.uploads.items) if (item.photo?.id === photo.id) item.photo = photo;
  }
}

/** Those that this device doesn't know come last. */
function asChosen(photos: Photo[]): Photo[] {
  const order = recall(ORDER) ?? '';
  const place = ({ id }: Photo) => (order.includes(id) ? order.indexOf(id) : Infinity);
  return [...photos].sort((one, other) =>
    place(one) < place(other) ? -1 : Number(place(one) > place(other)),
  );
}

/** Refused for the others alone. */
const isOneTooMany = (upload: Upload | null): boolean => upload?.error?.code === 'too_many_photos';

function tileOfPhoto(photo: Photo): Tile {
  return { key: photo.id, name: photo.fileName, src: photo.thumbnail, photo, upload: null, leaving: false };
}

function tileOfUpload(upload: Upload): Tile {
  const { key, file, photo, preview } = upload;
  // What the browser couldn't show by itself (HEIC), the server's thumbnail can.
  return { key, name: file.name, src: preview, photo, upload, leaving: false };
}

export interface TileState extends Words {
  kind: 'ok' | 'warning' | 'bad' | 'failed' | 'busy';
}

/** The honest state of a photo, in words. */
export function tileState({ photo, upload }: Tile, limits: Limits): TileState {
  if (photo) return { kind: kinds[photo.verdict], ...verdictWords(photo, limits) };
  const error = upload?.error ?? null;
  switch (upload?.state) {
    case 'refused':
      return {
        kind: 'bad',
        ...verdictWords(
          { verdict: 'refused', code: error?.code ?? null, reason: error?.message ?? null },
          limits,
        ),
      };
    case 'failed':
      return { kind: 'failed', label: t('upload.failed'), reason: errorText(error) };
    case 'sending':
      return { kind: 'busy', label: t('upload.sending'), reason: '' };
    case 'retrying':
      return { kind: 'busy', label: t('upload.retrying'), reason: errorText(error) };
    default:
      return { kind: 'busy', label: t('upload.waiting'), reason: '' };
  }
}

const kinds = { ok: 'ok', warning: 'warning', refused: 'bad' } as const;
