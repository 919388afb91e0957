// Package sources finds where packages come from: the addresses of the default Python index and of
// the distribution's archives, the credentials for them, and the certificates to trust.
//
// [Find] asks, in this order: flags, the manifest's default index, the environment, envpack's own
// configuration, the configuration of pip, uv and apt, and the table of well-known defaults. It
// reads files and variables of the machine; it fetches nothing.
//
// Invariants: the machine's configuration may give a source another address, never add a source,
// since a lock would then depend on the machine: what it would have added becomes a [Warning] with
// the manifest lines to write. No address in a [Sources] holds credentials, and no error or warning
// shows any.
package sources
