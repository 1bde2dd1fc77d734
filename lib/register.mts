/** The ES module entry: the same instance as `require('hakmem/register')` gives, so that nothing is patched twice. */
export type { RegisterStatus } from './register.js';
export { register, status, unregister } from './register.js';
