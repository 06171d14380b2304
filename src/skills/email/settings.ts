import type { AddressList } from './address-list.ts';
import type { SmtpServer } from './smtp-url.ts';

/** What the operator has set for e-mail. */
export interface EmailSettings {
  server: SmtpServer;
  /** Who may be named as the sender. */
  senders: AddressList;
  /** Who may be written to; anybody when undefined. */
  recipients: AddressList | undefined;
}
