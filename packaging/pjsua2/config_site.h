/* Settings of the pjsua2 engine that sipprobe builds: a probe, not a softphone.
 *
 * What a setting is for stands beside it; what it costs was measured (docs/engine.md). -DNDEBUG and PJ_DEBUG 0
 * belong together: PJ_ASSERT_LOG calls assert() itself.
 */

/* A failed assertion is logged at level 1, and so lies in the trace; the check itself stays and the function
 * returns its error. */
#define PJ_DEBUG 0

/* Calls, accounts and what hangs on them in one process. */
#define PJSUA_MAX_CALLS 512
#define PJSUA_MAX_ACC 256
#define PJSUA_MAX_BUDDIES 256
#define PJSUA_MAX_PLAYERS 256
#define PJSUA_MAX_RECORDERS 256
#define PJSUA_MAX_CONF_PORTS 1280
#define PJSUA_ACC_MAX_PROXIES 16

/* With epoll the number of handles is what we say. A call with audio holds two sockets, and a closed one rests for
 * 500 ms: 1,300 calls in a second leave 1,300 keys resting, and 512 calls that stand hold 1,024 more. */
#define PJ_IOQUEUE_MAX_HANDLES 4096
#define PJSIP_MAX_TRANSPORTS 1024

/* Sizes of hash tables, 2^n - 1. A transaction stays 5 s after its end (timer K), so a thousand calls a second keep
 * ten thousand of them. */
#define PJSIP_MAX_TSX_COUNT 16383
#define PJSIP_MAX_DIALOG_COUNT 4095

/* Messages whole: a datagram carries at most 65,507 bytes. A row of the log holds a message and its own head. */
#define PJSIP_MAX_PKT_LEN 64000
#define PJ_LOG_MAX_SIZE 66000
#define PJSIP_MAX_URL_SIZE 2048

#define PJ_HAS_IPV6 1

/* Keys of SRTP by SDES and by DTLS; AES-GCM comes with an SRTP library that is built on OpenSSL. */
#define PJMEDIA_SRTP_HAS_SDES 1
#define PJMEDIA_SRTP_HAS_DTLS 1
#define PJMEDIA_SRTP_HAS_AES_GCM_256 1
#define PJMEDIA_SRTP_HAS_AES_GCM_128 1
/* pjmedia asks an external libsrtp for these by the names that libsrtp 1 gave them. */
#define srtp_aes_gcm_256_openssl srtp_aes_gcm_256
#define srtp_aes_gcm_128_openssl srtp_aes_gcm_128

/* TLS 1.0 to 1.3, and the ciphers and keys of old trunks: whether a certificate is good is asked apart from it. The
 * wheel's OpenSSL 1.0.2 knew no security levels, so level 0 is what a trunk has always met. */
#define PJSIP_SSL_DEFAULT_PROTO \
    (PJ_SSL_SOCK_PROTO_TLS1 | PJ_SSL_SOCK_PROTO_TLS1_1 | PJ_SSL_SOCK_PROTO_TLS1_2 | PJ_SSL_SOCK_PROTO_TLS1_3)
#define PJ_SSL_SOCK_OSSL_CIPHERS "HIGH:-COMPLEMENTOFDEFAULT:@SECLEVEL=0"

/* No sound card, no picture. */
#define PJMEDIA_HAS_VIDEO 0
#define PJMEDIA_AUDIO_DEV_HAS_NULL_AUDIO 1
