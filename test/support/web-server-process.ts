import { createServer } from 'node:http'
import type { WebServerPlan } from './web-server.ts'

const plan: WebServerPlan = JSON.parse(process.argv[2] ?? '{}')
const largePage = Buffer.alloc(plan.largePageBytes, 'x')

const server = createServer((request, response) => {
  if (plan.isMute) return
  response.statusCode = plan.status
  response.setHeader('connection', 'close')
  response.end(request.url === '/large' ? largePage : plan.body)
})
server.listen(80, plan.listen, () => process.stdout.write('ready\n'))
