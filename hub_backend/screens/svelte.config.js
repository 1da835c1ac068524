/** Svelte 5 in runes mode everywhere: no component falls back to the old reactivity by accident. */
export default { compilerOptions: { runes: true } };
