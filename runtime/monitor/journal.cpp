#include "runtime/monitor/journal.h"

#include "runtime/monitor/socket_message.h"
#include "runtime/monitor/text.h"

namespace stack::runtime {

namespace {

constexpr size_t kOwnFields = 1024;
char datagram[sizeof(wire::LogValues::fields) + kOwnFields + kLongestMessage];

}  // namespace

void Journal::open(const wire::LogValues& settings, const char* socket_path) {
  close();
  settings_ = &settings;
  TextWriter out(path_, sizeof(path_));
  out.add(socket_path).done();
  fd_ = static_cast<int>(make_datagram_socket());
}

void Journal::close() {
  if (fd_ >= 0) sys::close(fd_);
  fd_ = -1;
}

void Journal::send(const LogPiece& piece, const char* bytes, size_t size) {
  if (fd_ < 0) return;
  bool error_stream = piece.stream == wire::kStreamStderr;
  TextWriter out(datagram, sizeof(datagram));
  for (uint32_t i = 0; i < settings_->fields_size; ++i) out.add(settings_->fields[i]);
  out.add(error_stream ? "PRIORITY=3\n" : "PRIORITY=6\n");
  out.add("SYSLOG_TIMESTAMP=");
  add_time(out, piece.time.seconds, piece.time.nanoseconds);
  out.add('\n');
  if (piece.ordinal > 0) {
    out.add("CONTAINER_PARTIAL_ID=")
        .number(piece.line_time.seconds)
        .digits(static_cast<uint64_t>(piece.line_time.nanoseconds), 9);
    out.add(error_stream ? "2" : "1").add("\nCONTAINER_PARTIAL_ORDINAL=").number(piece.ordinal);
    out.add("\nCONTAINER_PARTIAL_LAST=").add(piece.newline ? "true\n" : "false\n");
    if (!piece.newline) out.add("CONTAINER_PARTIAL_MESSAGE=true\n");
  }
  // The binary form with a length, because a message may contain any bytes.
  out.add("MESSAGE\n");
  for (int i = 0; i < 8; ++i) out.add(static_cast<char>(static_cast<uint64_t>(size) >> (8 * i)));
  for (size_t i = 0; i < size; ++i) out.add(bytes[i]);
  out.add('\n');
  for (int attempt = 0; attempt < 2; ++attempt) {
    long n = send_datagram(fd_, path_, datagram, out.used());
    if (n >= 0) return;
    if (n != -sys::kEagain || attempt > 0) break;
    sys::PollFd room = {fd_, sys::kPollOut, 0};
    sys::TimeSpec second = {1, 0};
    sys::poll(&room, 1, &second);
  }
  dropped_ += size;
}

}  // namespace stack::runtime
