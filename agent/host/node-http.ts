/**
 * Node's HTTP and HTTPS, loaded when they are asked for, and without their faces as modules: an `import` of them reads
 * each export, and with those loads fetch, WebSocket and HTTP/2, which cost a process that stays 7 MB of memory of its
 * own (measured with Node 24).
 */
export const loadHttp = () => process.getBuiltinModule('node:http')
export const loadHttps = () => process.getBuiltinModule('node:https')
