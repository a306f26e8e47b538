/**
 * The sheet that pays an invoice in Stars.
 * @import {InvoiceSource, PaymentStatus, Person} from './types.js'
 */
import { getInvoice, pay } from './api.js';
import { complain, openDialog, toast } from './dialogs.js';
import { h, icon, iconButton, stars } from './dom.js';
import { scatter } from './effects.js';

/**
 * Shows the invoice and pays it if the person says so.
 * @param {Person} person
 * @param {InvoiceSource} source
 * @returns {Promise<PaymentStatus>} 'cancelled' where the person closed the sheet without paying
 */
export async function payInvoice(person, source) {
  let invoice;
  try {
    invoice = await getInvoice(person.id, source);
  } catch (error) {
    complain(error);
    return 'failed';
  }
  let status = /** @type {PaymentStatus} */ ('cancelled');
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const button = h(
    'button',
    { type: 'button', class: 'wide-button', onclick: confirm },
    'Confirm and pay ',
    stars(invoice.total),
  );
  const { dialog, closed } = openDialog(
    { label: 'Payment', class: 'sheet payment' },
    h(
      'header',
      {},
      iconButton('close', 'Close', { onclick: () => dialog.close() }),
      h('span', { class: 'wallet' }, 'Your wallet ', stars(person.stars)),
    ),
    h('div', { class: 'big-star' }, icon('star')),
    h('h2', { dir: 'auto' }, invoice.title),
    h('p', { class: 'hint', dir: 'auto' }, invoice.description),
    h(
      'ul',
      { class: 'prices' },
      ...invoice.prices.map(({ label, amount }) =>
        h('li', {}, h('span', { dir: 'auto' }, label), stars(amount)),
      ),
    ),
    problem,
    button,
    h(
      'p',
      { class: 'hint small' },
      'The sandbox’s Stars are play money; the payment takes Telegram’s real way through the bot.',
    ),
  );
  button.focus();

  async function confirm() {
    button.disabled = true;
    button.classList.add('busy');
    problem.hidden = true;
    try {
      const answer = await pay(person.id, source);
      status = answer.status;
      if (status === 'paid') {
        dialog.close();
        return;
      }
      showProblem(answer.reason ?? 'The payment didn’t go through.');
    } catch (error) {
      status = 'failed';
      showProblem(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {string} words */
  function showProblem(words) {
    problem.textContent = words;
    problem.hidden = false;
    button.disabled = false;
    button.classList.remove('busy');
  }

  await closed;
  if (status === 'paid') {
    scatter('⭐');
    toast(`Paid: ${invoice.title}`);
  }
  return status;
}
