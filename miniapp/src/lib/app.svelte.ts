import { createContext } from 'svelte';
import {
  Api,
  ApiError,
  type HistoryEntry,
  type Invitation,
  type Photo,
  type Session,
  type TrainingStart,
  type Upload,
} from './api';
import { Buying } from './buying.svelte';
import { Form } from './form.svelte';
import { type Language, setLanguage } from './i18n/i18n.svelte';
import { Models } from './models.svelte';
import { Pages } from './pages.svelte';
import { Photos } from './photos.svelte';
import { starsMissing } from './price';
import { persist } from './retry';
import type { Router } from './router.svelte';
import { Trainings } from './trainings.svelte';

/** A start as the person meant it: kept through retries, so that none of them is a second training. */
interface Intent {
  meant: string;
  key: string;
  /** What it is made of, once that is packed. */
  packed: Upload | null;
}

export type TrainingChoice = Omit<TrainingStart, 'images_data_url'>;

const START_ATTEMPTS = 6;

/** What is known once the session is open; every screen works on it. */
export class App {
  session: Session;
  /** What stars are needed for, as far as we know: what was set up last. */
  making = $state<'train' | 'create'>('train');
  /** What inviting brings; null where it brings nothing, or isn't known yet. */
  invitation = $state.raw<Invitation | null>(null);
  readonly photos: Photos;
  readonly form: Form;
  readonly list: Trainings;
  readonly models: Models;
  readonly history: Pages<HistoryEntry>;
  readonly buying: Buying;
  /** Why the last start failed: for whoever was elsewhere then, too. */
  startError = $state.raw<unknown>(null);
  #intent: Intent | null = null;
  /** One after the other: an older choice must not come after a newer one. */
  #speaking: Promise<unknown> = Promise.resolve();
  #start = $state.raw<Promise<string> | null>(null);

  constructor(
    readonly api: Api,
    readonly router: Router,
    session: Session,
  ) {
    this.session = $state.raw(session);
    this.photos = new Photos(api, session.limits);
    this.form = new Form(session);
    this.list = new Trainings(api, session.trainings);
    this.models = new Models(api);
    this.history = new Pages<HistoryEntry>(
      async (cursor) => {
        const { balance, debt, history, nextCursor, invitation } = await api.account(cursor);
        this.session = { ...this.session, balance, debt };
        this.invitation = invitation;
        return { items: history, nextCursor };
      },
      ({ id }) => id,
    );
    this.buying = new Buying(this);
  }

  /** Stars that have to come before the training, as it is set up, can be paid: those of a debt go first. */
  get missing(): number {
    return starsMissing(this.form.price, this.session);
  }

  /** Balance and running trainings anew. They were right a moment ago: a failure may wait for the next time. */
  async refresh(): Promise<void> {
    try {
      this.session = await this.api.session();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }

  /** From now on the app and the chat speak `language`. */
  async speak(language: Language): Promise<void> {
    const before = this.#speaking;
    const speaking = before.then(async () => {
      const user = await persist(() => this.api.speak(language));
      this.session = { ...this.session, user };
      await setLanguage(user.language);
    });
    this.#speaking = speaking.catch(() => undefined);
    await speaking;
  }

  /** Answers the stars that a promo code has brought. */
  async redeem(code: string): Promise<number> {
    const { stars, balance } = await this.api.redeem(code);
    this.session = { ...this.session, balance };
    void this.history.load();
    return stars;
  }

  /** Whether a training is being started, whichever screen is seen meanwhile. */
  get starting(): boolean {
    return this.#start !== null;
  }

  /**
   * Answers the id of the model that comes of it, by which the training is asked for, too. One start at a time: who
   * asks again while it is under way is given the same one.
   */
  startTraining(): Promise<string> {
    this.startError = null;
    return (this.#start ??= this.#startOne().finally(() => (this.#start = null)));
  }

  async #startOne(): Promise<string> {
    const choice = this.form.choice();
    try {
      await this.photos.settle();
      const photos = this.photos.present;
      const meant = JSON.stringify([choice, photos.map(({ id, caption }) => [id, caption])]);
      if (this.#intent?.meant !== meant) this.#intent = { meant, key: crypto.randomUUID(), packed: null };
      const intent = this.#intent;
      intent.packed ??= await persist(() => this.api.packDraft());
      const { images_data_url, photoIds } = intent.packed;
      // Photos may have come from the chat or gone in another window: nobody trains on what they haven't seen.
      if (!isSame(photoIds, photos)) throw new ApiError(409, 'draft_changed');
      const body = { ...choice, images_data_url };
      const { id } = await persist(() => this.api.start(body, intent.key), START_ATTEMPTS);
      this.#intent = null;
      this.form.clear(choice.trigger_word);
      this.photos.clear(photoIds);
      await Promise.all([this.refresh(), this.photos.load(), this.list.load()]);
      return id;
    } catch (error) {
      this.startError = error;
      // A clear no ends the intent; without any answer the same one is asked again.
      if (error instanceof ApiError && !error.transient) {
        this.#intent = null;
        await this.#learn(error, choice);
      }
      throw error;
    }
  }

  /** What the server knows better: of stars and words the form says it itself from now on. */
  async #learn({ status, fields }: ApiError, { trigger_word }: TrainingChoice): Promise<void> {
    if (status === 402) {
      await this.refresh();
      this.startError = null;
    } else if (fields.some(({ field }) => field === 'trigger_word')) {
      this.form.refusedTrigger = trigger_word;
      this.startError = null;
    } else {
      await this.photos.load();
    }
  }
}

const isSame = (ids: readonly string[], photos: readonly Photo[]): boolean =>
  ids.length === photos.length && photos.every(({ id }) => ids.includes(id));

export const [getApp, setApp] = createContext<App>();
