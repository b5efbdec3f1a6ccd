'use strict'
// What a single executable runs: it starts the program with what V8 had compiled of it when it was packed. Node.js
// would keep no more than the outermost functions (useCodeCache), and not the same bytes each time.
const { getRawAsset } = require('node:sea')
const { Script } = require('node:vm')

// All of it is ASCII.
const script = new Script(Buffer.from(getRawAsset('program.cjs')).latin1Slice(), {
  filename: process.execPath,
  cachedData: Buffer.from(getRawAsset('program.cache')),
})
script.runInThisContext()({}, require, { exports: {} }, __filename, __dirname)
