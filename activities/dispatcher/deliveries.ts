import type { CallMessage } from '../../domain/messages.ts';
import type { Settled } from '../../db/inbox.ts';
import type { CallbackMessage } from '../../workflows/messages.ts';

/** A row whose message is on its way, and what the inspector shall read beside it. */
export interface Parcel<M> {
  readonly rowId: string;
  readonly message: M;
  readonly why: string | null;
}

/** Messages of one call, for one signal. */
export interface CallDelivery {
  readonly kind: 'call';
  readonly callId: string;
  readonly workflowId: string;
  /** Postgres says that the call is over: its workflow may be signalled but never started. */
  readonly over: boolean;
  readonly parcels: readonly Parcel<CallMessage>[];
  /** Callbacks of ours that this entry turned out to be; their workflows are told. */
  readonly bound: readonly { readonly commandId: string; readonly callId: string }[];
  /** The print of what has been shown of the call already, by what its messages so far tell. */
  readonly shown?: string;
}

export interface CallbackStart {
  readonly kind: 'start_callback';
  readonly rowId: string;
  readonly callId: string;
  readonly commandId: string;
}

export interface ErasureStart {
  readonly kind: 'start_erasure';
  readonly rowId: string;
  readonly erasureId: string;
}

export interface CallbackDelivery {
  readonly kind: 'callback';
  readonly callId: string;
  readonly commandId: string;
  readonly parcel: Parcel<CallbackMessage>;
}

/** Needs no delivery: it is settled as it stands. */
export interface NoDelivery {
  readonly kind: 'none';
  readonly settled: Settled;
}

export type Delivery = CallDelivery | CallbackStart | ErasureStart | CallbackDelivery | NoDelivery;

export function rowIdsOf(delivery: Delivery): readonly string[] {
  switch (delivery.kind) {
    case 'call':
      return delivery.parcels.map((parcel) => parcel.rowId);
    case 'callback':
      return [delivery.parcel.rowId];
    case 'start_callback':
    case 'start_erasure':
      return [delivery.rowId];
    case 'none':
      return [delivery.settled.id];
  }
}
