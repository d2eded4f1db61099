export { ipfsProxyConfig, type IpfsProxyConfig } from './config.ts'
export { default } from './descriptor.ts'
export { IpfsProxy } from './ipfs-proxy.ts'
