// Only what every Node can load may be imported here: an old one gets a sentence, not a stack trace.
import { unsupported } from './lib/platform.mjs';

const reason = unsupported();
if (reason === undefined) {
  const { start } = await import('./lib/start.mjs');
  process.exitCode = await start(process.argv.slice(2));
} else {
  console.error(reason);
  process.exitCode = 1;
}
