/** `preview` or `up` of a program that makes nothing, attached as the operator's command attaches the real one: what any program costs here. */
import { pulumiAttached } from '../operator/pulumi.ts';

const [operation = 'preview', stack = '', ...rest] = process.argv.slice(2);
const { code } = await pulumiAttached([operation, '--stack', stack, ...rest], { output: 'shown' }, async () => ({}));
process.exitCode = code;
