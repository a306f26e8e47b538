/** The message effects that a bot may add to a private message (`message_effect_id`), and a success of our own. */
import { calm, h } from './dom.js';

/** Telegram's free effects. @type {Record<string, string>} */
const EFFECTS = {
  '5104841245755180586': '🔥',
  '5107584321108051014': '👍',
  '5104858069142078462': '👎',
  '5159385139981059251': '❤️',
  '5046509860389126442': '🎉',
  '5046589136895476101': '💩',
};
const PIECES = 26;

/** @param {string} [effectId] an effect of Telegram's; unknown ones show nothing */
export function playEffect(effectId = '') {
  const emoji = EFFECTS[effectId];
  if (emoji) scatter(emoji);
}

/** Lets a handful of an emoji rise and fall over the page. @param {string} emoji */
export function scatter(emoji) {
  if (calm()) return;
  const layer = h('div', { class: 'effect', 'aria-hidden': 'true' });
  document.body.append(layer);
  const flights = Array.from({ length: PIECES }, () => {
    const piece = h('span', {}, emoji);
    layer.append(piece);
    const across = (Math.random() - 0.5) * 80;
    const up = 35 + Math.random() * 45;
    const turn = (Math.random() - 0.5) * 540;
    const scale = 0.6 + Math.random() * 0.9;
    return piece.animate(
      [
        { transform: `translate(0, 0) scale(0.2)`, opacity: 1 },
        {
          transform: `translate(${across * 0.7}vmin, -${up}vmin) rotate(${turn / 2}deg) scale(${scale})`,
          opacity: 1,
          offset: 0.4,
        },
        { transform: `translate(${across}vmin, 30vmin) rotate(${turn}deg) scale(${scale})`, opacity: 0 },
      ],
      { duration: 1400 + Math.random() * 900, easing: 'cubic-bezier(.2,.7,.4,1)', fill: 'both' },
    ).finished;
  });
  Promise.all(flights).finally(() => layer.remove());
}
