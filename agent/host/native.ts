import type * as Addon from '../../native/addon/index.d.ts'
import { loadOwnAddon } from './own-files.ts'

/** The only importer of the Rust addon. */
const addon = loadOwnAddon('rs-agent.node') as typeof Addon

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
