import { on } from '@tma.js/bridge';
import { keep, recall } from '../storage';
import { can, tell } from './client';

const CHOICE = 'selfi.fullscreen';

/** The app without the client's header. What the person chose is asked for again when the app opens next. */
class Fullscreen {
  isSupported = $state(false);
  isOn = $state(false);

  /** `isOn`: whether the client opened the app so. */
  begin(isOn: boolean): void {
    this.isSupported = can('web_app_request_fullscreen');
    this.isOn = isOn;
    on('fullscreen_changed', ({ is_fullscreen }) => (this.isOn = is_fullscreen));
    on('fullscreen_failed', ({ error }) => this.#fail(error));
    if (this.isSupported && !isOn && recall(CHOICE)) tell('web_app_request_fullscreen');
  }

  set(wanted: boolean): void {
    keep(CHOICE, wanted ? 'yes' : null);
    if (wanted) tell('web_app_request_fullscreen');
    else tell('web_app_exit_fullscreen');
  }

  #fail(error: string): void {
    if (error === 'ALREADY_FULLSCREEN') {
      this.isOn = true;
      return;
    }
    this.isSupported = false;
    keep(CHOICE, null);
  }
}

export const fullscreen = new Fullscreen();
