import { mount } from 'svelte';
import './app.css';
import Root from './Root.svelte';
import { setLanguage } from './lib/i18n/i18n.svelte';
import { connect } from './lib/telegram';

const launch = connect();
// Under way at once, beside the session that the page asks for.
const speaking = setLanguage(launch?.language ?? navigator.language);

const target = document.getElementById('app');
if (!target) throw new Error('The page has no element with the id "app".');
mount(Root, { target, props: { launch, speaking } });
