// Entry for the language host. Plain JavaScript, so that an older Node can say what it lacks.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`Node ${process.versions.node} runs this program; expected 22.18 or newer, which reads TypeScript itself. Put a newer node first on PATH, or type npx matrix-stack preview STACK.`);
  process.exit(1);
}
const { default: program } = await import('./index.ts');

export default program;
