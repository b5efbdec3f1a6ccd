import { createRequire } from 'node:module'
import type * as Addon from '../../native/addon/index.d.ts'

/**
 * The only importer of the Rust addon. It lies beside the bundle when installed, in native/addon when the
 * sources are run as they are.
 */
const path = import.meta.filename.endsWith('.ts') ? '../../native/addon/rs-agent.node' : './rs-agent.node'
const addon: typeof Addon = createRequire(import.meta.url)(path)

export const {
  ArpTap,
  ClsInjector,
  EchoSocket,
  encodeArpFrame,
  encodeNeighbourSolicitation,
  encodeTcpSegment,
  encodeUnsolicitedAdvertisement,
  FrameSender,
  FileLock,
  NdpTap,
  provokeArpRequest,
  sendDatagram,
  TapDevice,
  TcpTap,
  tuneNetlinkSocket,
  XdpInjector,
} = addon
export type {
  ArpPacket,
  ArpSighting,
  NdpPacket,
  NdpSighting,
  NeighbourSolicitation,
  TcpPacket,
  TcpSegment,
  TcpSighting,
} from '../../native/addon/index.d.ts'
export type ArpTap = Addon.ArpTap
export type EchoSocket = Addon.EchoSocket
export type FileLock = Addon.FileLock
export type NdpTap = Addon.NdpTap
export type TcpTap = Addon.TcpTap
