import { describe, expect, it } from 'vitest'
import { CHECK_IDS as DIRECTOR_CHECK_IDS } from '../../agent/director/verify/check.ts'
import { EXPLANATIONS as DIRECTOR_EXPLANATIONS } from '../../agent/director/verify/explanations.ts'
import { CHECK_IDS } from '../../agent/realserver/verify/check.ts'
import { EXPLANATIONS } from '../../agent/realserver/verify/explanations.ts'

const explanations = [
  ...CHECK_IDS.map(id => ({ id, role: 'real server', ...EXPLANATIONS[id] })),
  ...DIRECTOR_CHECK_IDS.map(id => ({ id, role: 'director', ...DIRECTOR_EXPLANATIONS[id] })),
]

describe.each(explanations)('the explanation of $id of a $role', ({ title, meaning, causes, show, mend }) => {
  it('says in sentences what it proves and what it means', () => {
    expect(title).toMatch(/^\S.*\.$/)
    expect(meaning).toMatch(/^\S.*\.$/)
  })

  it('has causes, commands that show them, and commands that mend them', () => {
    for (const lines of [causes, show, mend]) {
      expect(lines.length).toBeGreaterThan(0)
      for (const line of lines) expect(line).toMatch(/^\S(.*\S)?$/)
      expect(new Set(lines).size).toBe(lines.length)
    }
  })

  it('can be pasted into a shell', () => {
    for (const line of [...show, ...mend]) {
      expect(line).toMatch(
        /^(# |(curl|findmnt|grep|ip|ipvsadm|nft|nstat|rpcinfo|rs-agent|showmount|ss|sysctl|systemctl|tcpdump|umount)\b)/,
      )
    }
  })

  it('leaves to the reader only the names of the site', () => {
    const placeholders = [...show, ...mend].flatMap(line => line.match(/\$\w+/g) ?? [])
    expect(['$VIP', '$RIP', '$NIC']).toEqual(expect.arrayContaining(placeholders))
  })
})
