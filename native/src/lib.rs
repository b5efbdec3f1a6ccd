//! The addon of rs-agent: the few things that need Linux itself rather than
//! Node. Watching ARP, neighbour discovery and TCP on a NIC, handing the stack a frame as if it had arrived,
//! a lock that dies with the process, the datagrams of sd_notify(3), and the socket
//! options that the netlink library leaves out.
//!
//! The modules here know nothing of JavaScript and run in plain tests;
//! [`binding`] is the thin layer over them that Node sees. What to send, how
//! long to wait and what an answer means is decided in TypeScript.

pub mod address;
pub mod arp_filter;
pub mod arp_frame;
pub mod arp_request;
pub mod binding;
pub mod bpf;
pub mod call_error;
pub mod classic_bpf;
pub mod closing;
pub mod echo_message;
pub mod echo_socket;
pub mod file_lock;
pub mod frame_sender;
pub mod injector;
pub mod ndp_filter;
pub mod ndp_frame;
pub mod neighbour_table;
pub mod netlink_socket;
pub mod packet_socket;
pub mod rtnetlink;
pub mod service_socket;
pub mod socket_option;
pub mod tap;
pub mod tap_device;
pub mod tcp_filter;
pub mod tcp_frame;
pub mod tcp_probe;

#[cfg(test)]
mod bpf_interpreter;
#[cfg(test)]
mod same_cases;
#[cfg(test)]
mod sample_frames;
