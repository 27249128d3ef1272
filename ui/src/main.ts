import { setCustomIconsLoader } from '@iconify/vue';
import ui from '@nuxt/ui/vue-plugin';
import { createApp } from 'vue';
import App from './App.vue';
import { router } from './router.ts';
import { loadPreferences } from './preferences.ts';
import { speakValidation } from './validation.ts';
import './style.css';

// Every icon is in the bundle; one that is not must stay empty rather than be asked of a stranger's server.
setCustomIconsLoader(() => null, 'lucide');
speakValidation();
await loadPreferences();

createApp(App).use(router).use(ui).mount('#app');
