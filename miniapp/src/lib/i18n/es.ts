import type { Catalogue } from './catalogues';

export const es: Catalogue = {
  'app.loading': 'Cargando',
  'app.close': 'Cerrar',
  'app.back': 'Atrás',
  'app.retry': 'Reintentar',
  'app.offline': 'No hay conexión. Seguiremos en cuanto vuelva.',

  'tab.label': 'Secciones',
  'tab.create': 'Crear',
  'tab.gallery': 'Galería',
  'tab.train': 'Entrenar',
  'tab.models': 'Modelos',
  'tab.account': 'Cuenta',

  'outside.title': 'Selfi vive en Telegram',
  'outside.text': 'Ábrelo desde el chat con el bot: allí Telegram nos dice quién eres.',
  'outside.open': 'Abrir el bot',

  'error.title': 'No ha funcionado',
  'error.network': 'No podemos conectar con Selfi. Revisa tu conexión e inténtalo de nuevo.',
  'error.server': 'Algo ha fallado por nuestra parte. Inténtalo de nuevo en un momento.',
  'error.busy': 'Demasiadas peticiones a la vez. Inténtalo de nuevo en un momento.',
  'error.too_often': 'Han sido demasiados intentos. Prueba dentro de unos minutos.',
  'error.expired': 'Esta página lleva demasiado tiempo abierta. Ciérrala y ábrela otra vez desde el chat.',
  'error.init_data':
    'No se ha aceptado la identificación de Telegram. Cierra esta página y ábrela otra vez desde el chat.',
  'error.draft_changed': 'Tus fotos han cambiado entretanto. Míralas y empieza otra vez.',
  'error.purchases_paused':
    'Ahora mismo no se pueden comprar estrellas. Prueba más tarde: no se ha pagado nada.',
  'error.pack_gone': 'Este paquete ya no se vende. Elige uno de los que hay.',
  'error.telegram': 'Telegram no puede crear una factura ahora mismo. Inténtalo de nuevo en un momento.',
  'error.upload_expired': 'Las fotos han esperado demasiado. Empieza de nuevo.',
  'error.too_few_photos': 'Algunas fotos ya no están. Añade más y empieza de nuevo.',
  'error.photo_gone': 'Esta foto ya no está en tu borrador.',
  'error.unreadable':
    'Tu teléfono no ha entregado esta foto. Si está en la nube o bloqueada, ábrela antes en tu galería y vuelve a intentarlo.',
  'error.unknown': 'Ha pasado algo inesperado. Inténtalo de nuevo.',

  'photos.title': 'Fotos',
  'photos.count': '{have} de {maximum}',
  'photos.add': 'Añadir fotos',
  'photos.hint':
    'Entre {minimum} y {maximum}. Las mejores son nítidas y de una sola persona: distintos ángulos, luces, ropa y lugares. Las fotos que envíes al bot también llegan aquí.',
  'photos.hintStyle':
    'Entre {minimum} y {maximum}. Las mejores son imágenes de cosas muy distintas que comparten un mismo estilo. Las fotos que envíes al bot también llegan aquí.',
  'photos.left': {
    one: '{count} foto se ha quedado fuera: un entrenamiento admite {maximum} como máximo.',
    other: '{count} fotos se han quedado fuera: un entrenamiento admite {maximum} como máximo.',
  },
  'photos.remove': 'Quitar {name}',
  'photos.removeShort': 'Quitar foto',
  'photos.details': '{name}: {state}',
  'photos.fromChat': 'Del chat',
  'photos.removeRefused': 'Quitar las que no sirven',
  'photos.keepIt': 'Conservarla',
  'photos.done': 'Listo',

  'upload.waiting': 'En espera',
  'upload.sending': 'Enviando',
  'upload.retrying': 'Reintentando',
  'upload.failed': 'Sin enviar',
  'upload.retryOne': 'Enviar {name} de nuevo',
  'upload.retryAll': 'Enviar de nuevo',

  'verdict.ok': 'Se ve bien',
  'verdict.okReason': 'Esta foto está bien tal como es.',
  'verdict.warning': 'Échale un vistazo',
  'verdict.refused': 'No sirve',
  'verdict.blurred': 'Borrosa',
  'verdict.blurredReason':
    'Parece desenfocada. El modelo también aprende lo borroso: cámbiala por una más nítida si puedes.',
  'verdict.near_duplicate': 'Muy parecida',
  'verdict.near_duplicateReason': 'Es casi igual que otra de tus fotos. Las distintas enseñan más al modelo.',
  'verdict.duplicate': 'Repetida',
  'verdict.duplicateReason': 'Ya habías añadido esta misma foto.',
  'verdict.too_small': 'Pequeña',
  'verdict.too_smallReason':
    'El lado corto necesita al menos {side} píxeles. Elige el original en vez de una miniatura.',
  'verdict.too_many_pixels': 'Muy grande',
  'verdict.too_many_pixelsReason': 'Tiene más de {megapixels} megapíxeles. Elige una versión más pequeña.',
  'verdict.file_too_large': 'Muy pesada',
  'verdict.file_too_largeReason': 'El archivo pesa más de {megabytes} MB. Elige una versión más ligera.',
  'verdict.not_an_image': 'No es una foto',
  'verdict.not_an_imageReason': 'Este archivo no es una imagen. Sirven JPEG, PNG, WebP y HEIC.',
  'verdict.unsupported_format': 'Otro formato',
  'verdict.unsupported_formatReason': 'No podemos leer este tipo de imagen. Sirven JPEG, PNG, WebP y HEIC.',
  'verdict.empty_file': 'Archivo vacío',
  'verdict.empty_fileReason':
    'Este archivo no contiene nada. Si la foto está en la nube, descárgala antes y elígela otra vez.',
  'verdict.corrupt': 'Dañada',
  'verdict.corruptReason': 'El archivo está dañado o incompleto. Elígelo otra vez, o elige otro.',
  'verdict.too_many_photos': 'De más',
  'verdict.too_many_photosReason': 'Un entrenamiento admite {maximum} fotos como máximo. Quita otra primero.',

  'caption.label': 'Descripción (opcional)',
  'caption.placeholder': '{word} en la playa, riendo',
  'caption.placeholderPlain': 'Lo que muestra la foto',
  'caption.hint': 'Lo que se ve. Sin descripción, la palabra clave por sí sola representa la foto.',
  'caption.missing': 'Una foto con descripción solo enseña {word} si la descripción lo dice.',
  'caption.add': 'Añadir {word}',
  'caption.there': 'Con descripción',
  'caption.unsaved': 'La descripción aún no se ha guardado.',

  'kind.title': '¿De qué son?',
  'kind.subject': 'Persona o cosa',
  'kind.style': 'Estilo',
  'kind.subjectHint': 'El modelo aprende quién o qué aparece en las fotos.',
  'kind.styleHint': 'El modelo aprende el estilo que comparten las fotos.',

  'trigger.title': 'Palabra clave',
  'trigger.placeholder': 'Por ejemplo, TOK',
  'trigger.hint':
    'Llama a tu modelo en los prompts. Lo mejor es una palabra que no exista, como TOK o ANA26.',
  'trigger.example': '«un retrato de {word} al atardecer»',
  'trigger.exampleStyle': '«una ciudad de noche, al estilo de {word}»',
  'trigger.empty': 'El entrenamiento necesita una palabra clave.',
  'trigger.long': { one: 'Como máximo, {count} carácter.', other: 'Como máximo, {count} caracteres.' },
  'trigger.unreadable': 'Necesita al menos una letra o una cifra.',
  'trigger.unseen':
    'Tiene un carácter que no se ve, como un salto de línea o lo que une algunos emojis. Escríbela de nuevo.',

  'trainer.title': 'Modelo base',
  'trainer.usual': '⭐ {price} · ≈ {time}',

  'steps.title': 'Entrenamiento',
  'steps.label': 'Pasos',
  'steps.hint': 'Con más pasos aprende más detalle, tarda más y cuesta más. {usual} es un buen comienzo.',
  'steps.range': 'Un número entero de {minimum} a {maximum}.',

  'masks.label': 'Máscaras de rostro',
  'masks.hint': 'Se fija en la persona y deja de lado el fondo.',

  'price.title': 'Precio',
  'price.label': 'Este entrenamiento',
  'price.time': 'Tiempo previsto',
  'price.balance': 'Tu saldo',
  'price.after': 'Te quedarán',
  'price.missing': { one: 'Falta {count} estrella', other: 'Faltan {count} estrellas' },
  'price.missingText': {
    one: 'Cuesta {price} estrellas y tienes {balance}: falta {count}.',
    other: 'Cuesta {price} estrellas y tienes {balance}: faltan {count}.',
  },
  'price.missingOwing': {
    one: 'Cuesta {price} estrellas, tienes {balance} y debes {debt}: falta {count}.',
    other: 'Cuesta {price} estrellas, tienes {balance} y debes {debt}: faltan {count}.',
  },
  'price.cheaper': 'Con menos pasos cuesta menos.',
  'price.several': 'Ningún paquete trae tantas: consigue uno tras otro.',
  'price.promise': 'Si el entrenamiento no sale bien, todas las estrellas vuelven solas.',
  'price.stars': { one: '{count} estrella', other: '{count} estrellas' },

  'train.uploading': 'Enviando fotos: {done} de {total}',
  'train.addMore': { one: 'Añade {count} foto más', other: 'Añade {count} fotos más' },
  'train.removeSome': { one: 'Quita {count} foto', other: 'Quita {count} fotos' },
  'train.addTrigger': 'Escribe una palabra clave',
  'train.fixTrigger': 'Revisa la palabra clave',
  'train.fixSteps': 'Revisa el número de pasos',
  'train.start': 'Entrenar por {price} ⭐',
  'train.starting': 'Empezando…',

  'packs.all': 'Todos los paquetes',
  'packs.get': { one: 'Consigue {count} estrella', other: 'Consigue {count} estrellas' },
  'packs.awaited': 'Tus estrellas están en camino…',
  'packs.late': 'Tus estrellas aún no han llegado',
  'packs.lateText':
    'Llegan solas, aunque cierres esta página. Si en unos minutos no están, envía /paysupport al bot.',
  'packs.look': 'Mirar otra vez',
  'packs.elsewhere': 'Paga en Telegram y vuelve',
  'packs.elsewhereText':
    'La factura se abre en Telegram, porque esta app no puede mostrarla. Si no se abre, envía /stars al bot.',
  'packs.open': 'Abrir la factura',
  'packs.declined': 'Telegram no ha aceptado el pago. Inténtalo de nuevo o elige otro paquete.',
  'packs.arrived': {
    one: 'Ya está aquí {count} estrella. ¡Gracias!',
    other: 'Ya están aquí {count} estrellas. ¡Gracias!',
  },
};
