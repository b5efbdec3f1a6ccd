import { createServer } from 'node:http'

const [name = 'nobody', largePageBytes = '0'] = process.argv.slice(2)
const largePage = Buffer.alloc(Number(largePageBytes), 'x')

const server = createServer((request, response) => {
  response.setHeader('connection', 'close')
  response.end(request.url === '/large' ? largePage : `${name}\n`)
})
server.listen(80, '0.0.0.0', () => process.stdout.write('ready\n'))
