/** Prints the milliseconds that this project's program takes to load in a fresh process, beyond the SDK that every program loads. */
await import('@pulumi/pulumi');
const begin = performance.now();
await import('../index.ts');
console.log(performance.now() - begin);
