/**
 * The shapes that travel between this page and the Telegram emulator. Messages are the Bot API's own objects
 * (https://core.telegram.org/bots/api#message); only what the page draws is listed.
 */

/** @typedef {{id: number, firstName: string, lastName?: string, username?: string, language: string, color: string,
 *   blocked: boolean, stars: number, started: boolean}} Person */

/** @typedef {{command: string, description: string}} Command */
/** @typedef {{type: string, text?: string, web_app?: {url: string}}} MenuButton */
/** @typedef {{id: number, first_name: string, username: string, description?: string}} Bot */
/** @typedef {{falUrl?: string, appUrl?: string}} Info */

/** @typedef {{type: string, offset: number, length: number, url?: string, language?: string,
 *   user?: {id: number}}} Entity */
/** @typedef {{file_id: string, file_unique_id: string, width: number, height: number}} PhotoSize */
/** @typedef {{file_id: string, file_unique_id?: string, file_name?: string, mime_type?: string,
 *   file_size?: number}} DocumentFile */
/** @typedef {{title: string, description: string, currency: string, total_amount: number}} Invoice */

/** @typedef {{text: string, style?: string, callback_data?: string, url?: string, web_app?: {url: string},
 *   pay?: boolean, copy_text?: {text: string}, login_url?: {url: string}, switch_inline_query?: string,
 *   switch_inline_query_current_chat?: string}} InlineButton */
/** @typedef {{text: string, style?: string, web_app?: {url: string}, request_contact?: boolean,
 *   request_location?: boolean}} ReplyButton */
/** @typedef {{inline_keyboard?: InlineButton[][], keyboard?: (ReplyButton|string)[][], remove_keyboard?: boolean,
 *   one_time_keyboard?: boolean, resize_keyboard?: boolean, input_field_placeholder?: string,
 *   force_reply?: boolean}} ReplyMarkup */

/** @typedef {{message_id: number, date: number, edit_date?: number, from?: {id: number, first_name?: string},
 *   chat: {id: number}, text?: string, entities?: Entity[], caption?: string, caption_entities?: Entity[],
 *   show_caption_above_media?: boolean, photo?: PhotoSize[], has_media_spoiler?: boolean, media_group_id?: string,
 *   document?: DocumentFile, invoice?: Invoice, reply_markup?: ReplyMarkup, reply_to_message?: Message,
 *   successful_payment?: {currency: string, total_amount: number},
 *   refunded_payment?: {currency: string, total_amount: number}, pinned_message?: Message,
 *   write_access_allowed?: object, effect_id?: string}} Message */

/** @typedef {{title: string, description: string, prices: {label: string, amount: number}[],
 *   total: number}} InvoiceDetails */
/** @typedef {{messageId: number} | {slug: string}} InvoiceSource */
/** @typedef {'paid' | 'failed' | 'cancelled'} PaymentStatus */
/** @typedef {{callbackQueryId: string, text?: string, showAlert?: boolean, url?: string}} CallbackAnswer */
/** @typedef {{menuButton: MenuButton, commands: Command[]}} Menu */
/** @typedef {Menu & {messages: Message[]}} Chat */

/** What a bubble asks of the page.
 * @typedef {object} BubbleActions
 * @property {(button: InlineButton, message: Message, element: HTMLElement) => void} press
 * @property {(url: string, ask: boolean) => void} openLink
 * @property {(command: string) => void} sendText
 * @property {(id: number, words: string) => void} replyTo what one writes next is a reply to the message
 * @property {(photos: {url: string, name: string}[], index: number) => void} viewPhotos
 * @property {(messageId: number) => void} showMessage
 */

export {};
