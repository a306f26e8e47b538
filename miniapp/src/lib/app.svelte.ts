import { createContext } from 'svelte';
import { Api, ApiError, type HistoryEntry, type Invitation, type Session, type TrainingStart } from './api';
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
  body: TrainingStart;
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
  #intent: Intent | null = null;
  /** One after the other: an older choice must not come after a newer one. */
  #speaking: Promise<unknown> = Promise.resolve();

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

  /** Answers the id of the model that comes of it, by which the training is asked for, too. */
  async startTraining(): Promise<string> {
    const choice = this.form.choice();
    await this.photos.saveCaptions();
    const meant = JSON.stringify([choice, this.photos.tiles.map(({ photo }) => [photo?.id, photo?.caption])]);
    if (this.#intent?.meant !== meant) {
      const { images_data_url, photoIds } = await persist(() => this.api.packDraft());
      // Photos may have come from the chat or gone in another window: nobody trains on what they haven't seen.
      if (!this.photos.areShown(photoIds)) throw new ApiError(409, 'draft_changed');
      this.#intent = { meant, key: crypto.randomUUID(), body: { ...choice, images_data_url } };
    }
    const { body, key } = this.#intent;
    try {
      const { id } = await persist(() => this.api.start(body, key), START_ATTEMPTS);
      this.#intent = null;
      this.form.clear();
      this.photos.clear();
      await Promise.all([this.refresh(), this.photos.load(), this.list.load()]);
      return id;
    } catch (error) {
      // A clear no ends the intent; without any answer the same one is asked again.
      if (error instanceof ApiError && !error.transient) this.#intent = null;
      throw error;
    }
  }
}

export const [getApp, setApp] = createContext<App>();
