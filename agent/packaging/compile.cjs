'use strict'
// Runs the program once, and keeps what V8 has compiled of it: see code-cache.ts.
// usage: node compile.cjs PROGRAM CACHE WORD...
const { readFileSync, writeFileSync } = require('node:fs')
const { dirname } = require('node:path')
const { Script } = require('node:vm')
const { setFlagsFromString } = require('node:v8')

const [, , program, cache, ...words] = process.argv
process.argv = [process.execPath, program, ...words]
const script = new Script(readFileSync(program, 'utf8'), { filename: 'rs-agent' })
script.runInThisContext()({}, require, { exports: {} }, program, dirname(program))
process.on('exit', status => {
  if (status !== 0) return
  // As they are where the cache is used: V8 refuses one that was made under other flags.
  for (const flag of ['--hash-seed=0', '--random-seed=0', '--flush-bytecode', '--sparkplug'])
    setFlagsFromString(flag)
  writeFileSync(cache, script.createCachedData())
})
