// Only what every Node can load may be imported here: an old one gets a sentence, not a stack trace.
import { unsupported } from './lib/platform.mjs';

const reason = unsupported();
if (reason === undefined) {
  const { test } = await import('./lib/test.mjs');
  process.exitCode = await test();
} else {
  console.error(reason);
  process.exitCode = 1;
}
