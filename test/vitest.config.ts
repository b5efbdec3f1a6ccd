import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    // A test that was left out by hand must not pass for a test that passed.
    allowOnly: false,
    // Namespaces, storms and processes: a busy machine of two cores needs the time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
