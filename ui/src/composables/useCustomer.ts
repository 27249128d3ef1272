import { onScopeDispose, type Ref } from 'vue';
import { client } from '../client.ts';
import { on, onResume } from '../live/stream.ts';
import { useLoad } from './useLoad.ts';

/** One customer, kept as they are by whoever changes them; nobody where there is no id. */
export function useCustomer(customerId: Readonly<Ref<string | null>>) {
  const customer = useLoad(
    async (signal) => (customerId.value ? client.customers.read(customerId.value, signal) : null),
    customerId,
  );
  const refresh = (): void => void (customerId.value && customer.reload());
  const stops = [on('customer.changed', (event) => event.customerId === customerId.value && refresh()), onResume(refresh)];
  onScopeDispose(() => stops.forEach((stop) => stop()));
  return customer;
}
