import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { express } from '../../agent/director/import/express.ts'
import { type Findings, placeText } from '../../agent/director/import/imported.ts'
import { recogniseKind } from '../../agent/director/import/kind.ts'
import { namesFrom } from '../../agent/director/import/names.ts'
import { readImport } from '../../agent/director/import/read.ts'
import { writeYaml } from '../../agent/director/import/write-yaml.ts'
import { matchFiles, readTextOrNull } from '../../agent/host/text-files.ts'
import { configText } from '../support/config-text.ts'

/**
 * test/cases/import/KIND-NAME/: a file as somebody has it, the configuration that we write from it (expected.yaml),
 * and what has no equal (expected-warnings.txt).
 */
const CASES = join(import.meta.dirname, '../cases/import')
const FILES = ['rules', 'ldirectord.cf', 'keepalived.conf']
const { load } = configText()

describe('every file to import', () => {
  for (const name of readdirSync(CASES))
    it(`is written as expected, and loads: ${name}`, async () => {
      const folder = join(CASES, name)
      const file = FILES.find(each => readdirSync(folder).includes(each)) ?? expect.fail('there is no file')
      const text = readFileSync(join(folder, file), 'utf8')
      const kind = recogniseKind(text) ?? expect.fail('its kind is not recognised')
      expect(name.startsWith(`${kind}-`)).toBe(true)
      const findings: Findings = { problems: [], warnings: [] }
      const files = {
        match: (pattern: string, from: string) =>
          matchFiles(pattern, join(folder, from)).map(found => found.slice(folder.length + 1)),
        read: (found: string) => readTextOrNull(join(folder, found)),
      }
      const names = namesFrom('http 80/tcp\n', new Map(), asked => expect.fail(`${asked.name} was asked for`))
      const imported = readImport(kind, text, file, { names, files }, findings)
      expect(findings.problems).toEqual([])
      const expressed = express(imported, { nic: null, file, warnings: findings.warnings })
      const yaml = writeYaml(expressed, kind, file)
      load(yaml)
      await expect(yaml).toMatchFileSnapshot(join(folder, 'expected.yaml'))
      const lines = expressed.warnings.map(({ id, at, message }) => `${id}: ${placeText(at)}: ${message}\n`)
      await expect(lines.join('')).toMatchFileSnapshot(join(folder, 'expected-warnings.txt'))
    })
})
