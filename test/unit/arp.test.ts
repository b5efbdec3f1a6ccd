import { describe, expect, it } from 'vitest'
import { effectiveValue, isQuiet } from '../../agent/model/arp.ts'

describe('arp_ignore', () => {
  // all, NIC, quiet: the table that was measured on the kernel for a VIP of global scope on lo.
  it.each([
    [0, 0, false],
    [0, 1, true],
    [1, 0, true],
    [2, 0, true],
    [3, 0, false],
    [1, 3, false],
    [1, 8, true],
    [1, 4, false],
    [9, 1, false],
  ])('with all=%i and NIC=%i is quiet: %s', (all, nic, quiet) => {
    expect(isQuiet('arp_ignore', effectiveValue(all, nic))).toBe(quiet)
  })
})

describe('arp_announce', () => {
  it.each([
    [0, 0, false],
    [1, 0, false],
    [0, 2, true],
    [2, 1, true],
    [2, 3, false],
  ])('with all=%i and NIC=%i is quiet: %s', (all, nic, quiet) => {
    expect(isQuiet('arp_announce', effectiveValue(all, nic))).toBe(quiet)
  })
})
