// The expected bytes are those of jeepney 0.9, another implementation, for the same messages.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "runtime/oci/dbus_connection.h"
#include "runtime/oci/dbus_message.h"
#include "runtime/oci/systemd_scope.h"

namespace stack::runtime::oci {
namespace {

std::string from_hex(std::string_view text) {
  std::string out;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
  return out;
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  for (char c : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += kDigits[static_cast<uint8_t>(c) >> 4];
    out += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

DbusMessage manager_call(const char* member, uint32_t serial) {
  DbusMessage out;
  out.serial = serial;
  out.path = "/org/freedesktop/systemd1";
  out.destination = "org.freedesktop.systemd1";
  out.interface = "org.freedesktop.systemd1.Manager";
  out.member = member;
  return out;
}

constexpr std::string_view kStart =
    "6c010001c800000007000000b600000001016f00190000002f6f72672f667265656465736b746f702f73797374656d64"
    "310000000000000002017300200000006f72672e667265656465736b746f702e73797374656d64312e4d616e61676572"
    "0000000000000000030173001200000053746172745472616e7369656e74556e69740000000000000601730018000000"
    "6f72672e667265656465736b746f702e73797374656d6431000000000000000008016700107373612873762961287361"
    "2873762929000000090000007765622e73636f7065000000070000007265706c61636500a000000005000000536c6963"
    "650001730000000009000000612d622e736c696365000000040000005049447300026175000000000400000067120000"
    "0800000044656c6567617465000162000100000000000000090000004d656d6f72794d61780001740000000000000000"
    "00000004000000000b000000416c6c6f776564435055730002617900010000000500000000000000040000004e696365"
    "00016900fdffffff0000000000000000";
constexpr std::string_view kStop =
    "6c0100011c00000008000000a000000001016f00190000002f6f72672f667265656465736b746f702f73797374656d64"
    "310000000000000002017300200000006f72672e667265656465736b746f702e73797374656d64312e4d616e61676572"
    "0000000000000000030173000800000053746f70556e6974000000000000000006017300180000006f72672e66726565"
    "6465736b746f702e73797374656d643100000000000000000801670002737300090000007765622e73636f7065000000"
    "070000007265706c61636500";
constexpr std::string_view kJobRemoved =
    "6c04000145000000090000007a00000001016f00190000002f6f72672f667265656465736b746f702f73797374656d64"
    "310000000000000002017300200000006f72672e667265656465736b746f702e73797374656d64312e4d616e61676572"
    "0000000000000000030173000a0000004a6f6252656d6f7665640000000000000801670004756f737300000000000000"
    "2a000000200000002f6f72672f667265656465736b746f702f73797374656d64312f6a6f622f34320000000009000000"
    "7765622e73636f706500000004000000646f6e6500";
constexpr std::string_view kError =
    "6c0300011f0000000b0000003f00000004017300230000006f72672e667265656465736b746f702e73797374656d6431"
    "2e4e6f53756368556e69740000000000050175000800000008016700017300001a000000556e6974207765622e73636f"
    "7065206e6f74206c6f616465642e00";

TEST(Dbus, CallWithPropertiesHasTheExpectedBytes) {
  DbusMessage call = manager_call("StartTransientUnit", 7);
  call.signature = "ssa(sv)a(sa(sv))";
  DbusWriter body;
  body.text("web.scope");
  body.text("replace");
  write_properties(body, {{"Slice", std::string("a-b.slice")},
                          {"PIDs", std::vector<uint32_t>{4711}},
                          {"Delegate", true},
                          {"MemoryMax", uint64_t{67108864}},
                          {"AllowedCPUs", std::vector<uint8_t>{5}},
                          {"Nice", int32_t{-3}}});
  body.array(8, [](DbusWriter&) {});
  call.body = body.bytes();
  EXPECT_EQ(to_hex(encode(call)), kStart);
}

TEST(Dbus, CallWithTwoStringsHasTheExpectedBytes) {
  DbusMessage call = manager_call("StopUnit", 8);
  call.signature = "ss";
  DbusWriter body;
  body.text("web.scope");
  body.text("replace");
  call.body = body.bytes();
  EXPECT_EQ(to_hex(encode(call)), kStop);
}

TEST(Dbus, SignalAndErrorAreRead) {
  Result<DbusMessage> signal = decode(from_hex(kJobRemoved));
  ASSERT_TRUE(signal) << signal.error().text();
  EXPECT_EQ(signal->kind, DbusKind::Signal);
  EXPECT_EQ(signal->member, "JobRemoved");
  EXPECT_EQ(signal->signature, "uoss");
  DbusReader body(signal->body);
  EXPECT_EQ(body.u32(), 42u);
  EXPECT_EQ(body.text(), "/org/freedesktop/systemd1/job/42");
  EXPECT_EQ(body.text(), "web.scope");
  EXPECT_EQ(body.text(), "done");
  EXPECT_TRUE(body.ok());
  EXPECT_EQ(body.text(), "");
  EXPECT_FALSE(body.ok());

  Result<DbusMessage> error = decode(from_hex(kError));
  ASSERT_TRUE(error) << error.error().text();
  EXPECT_EQ(error->kind, DbusKind::Error);
  EXPECT_EQ(error->reply_to, 8u);
  EXPECT_EQ(error->error_name, "org.freedesktop.systemd1.NoSuchUnit");
}

TEST(Dbus, TruncatedMessagesAreRejected) {
  std::string whole = from_hex(kJobRemoved);
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(decode(whole.substr(0, size))) << size;
  for (size_t at = 0; at < 16; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(0xff);
    (void)decode(damaged);
  }
  std::string long_field = whole;
  long_field[20] = static_cast<char>(0xff);
  long_field[21] = static_cast<char>(0xff);
  EXPECT_FALSE(decode(long_field));
  std::string other_order = whole;
  other_order[0] = 'B';
  EXPECT_FALSE(message_size(other_order));
}

// The other side of a connection: accepts one, then answers each call with the next of `answers`.
class Peer {
 public:
  explicit Peer(std::vector<std::string> answers) {
    SocketPair pair = make_socket_pair(SOCK_STREAM).value();
    ours = std::move(pair.ours);
    thread_ = std::thread([socket = std::move(pair.theirs), answers = std::move(answers), this] {
      // Answers only after BEGIN has arrived: systemd must receive it before a message.
      seen += read_until(socket.get(), "BEGIN\r\n");
      (void)write_all(socket.get(), "OK 0123\r\n");
      for (const std::string& answer : answers) {
        (void)read_until(socket.get(), "replace");
        // In two pieces, like in a stream.
        (void)write_all(socket.get(), answer.substr(0, 21));
        (void)write_all(socket.get(), answer.substr(21));
      }
    });
  }
  ~Peer() { join(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  Fd ours;
  std::string seen;

 private:
  static std::string read_until(int socket, std::string_view end) {
    std::string text;
    char byte = 0;
    while (text.find(end) == std::string::npos && ::recv(socket, &byte, 1, 0) == 1) text += byte;
    return text;
  }
  std::thread thread_;
};

DbusMessage stop_call() {
  DbusMessage call = manager_call("StopUnit", 0);
  call.signature = "s";
  DbusWriter body;
  body.text("replace");
  call.body = body.bytes();
  return call;
}

TEST(Dbus, SignalsBeforeTheAnswerAreKept) {
  DbusMessage answer;
  answer.kind = DbusKind::Return;
  answer.serial = 10;
  answer.reply_to = 1;
  Peer peer({from_hex(kJobRemoved) + encode(answer)});
  Result<DbusConnection> bus = DbusConnection::open(std::move(peer.ours), false, std::chrono::seconds(10));
  ASSERT_TRUE(bus) << bus.error().text();
  Result<DbusMessage> done = bus->call(stop_call());
  ASSERT_TRUE(done) << done.error().text();
  Result<DbusMessage> signal = bus->next_signal();
  ASSERT_TRUE(signal) << signal.error().text();
  EXPECT_EQ(signal->member, "JobRemoved");
  peer.join();
  EXPECT_TRUE(peer.seen.starts_with(std::string("\0AUTH EXTERNAL 3", 16)));
  EXPECT_TRUE(peer.seen.ends_with("\r\nBEGIN\r\n"));
}

TEST(Dbus, ErrorReplyNamesTheErrorAndSilenceTimesOut) {
  std::string error = from_hex(kError);
  DbusMessage named = decode(error).value();
  named.reply_to = 1;
  Peer peer({encode(named)});
  Result<DbusConnection> bus =
      DbusConnection::open(std::move(peer.ours), false, std::chrono::milliseconds(2000));
  ASSERT_TRUE(bus) << bus.error().text();
  Result<DbusMessage> done = bus->call(stop_call());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().text(), "org.freedesktop.systemd1.NoSuchUnit: Unit web.scope not loaded.");
  peer.join();
  EXPECT_FALSE(bus->next_signal());
}

TEST(SystemdScope, NameComesFromThreeParts) {
  ScopeName name = scope_name("machine.slice:libpod:abc", "x").value();
  EXPECT_EQ(name.slice, "machine.slice");
  EXPECT_EQ(name.unit, "libpod-abc.scope");
  name = scope_name("::abc", "x").value();
  EXPECT_EQ(name.slice, "system.slice");
  EXPECT_EQ(name.unit, "abc.scope");
  name = scope_name("", "a+b").value();
  EXPECT_EQ(name.slice, "system.slice");
  EXPECT_EQ(name.unit, "stack-runtime-a\\x2bb.scope");
  for (const char* bad :
       {"/a/b", "a:b", "a:b:c:d", "system.slice:x:", "plain:x:y", "a/b.slice:x:y", ":x:a/b"})
    EXPECT_FALSE(scope_name(bad, "x")) << bad;
}

TEST(SystemdScope, LimitsBecomeProperties) {
  Json resources = {{"memory", {{"limit", 1000000}, {"swap", 3000000}, {"reservation", 500000}}},
                    {"cpu", {{"shares", 1024}, {"quota", 12345}, {"period", 100000}, {"cpus", "0-2,9"}}},
                    {"pids", {{"limit", -1}}},
                    {"blockIO", {{"weight", 10}}}};
  std::vector<UnitProperty> expected = {{"MemoryMax", uint64_t{1000000}},
                                        {"MemorySwapMax", uint64_t{2000000}},
                                        {"MemoryLow", uint64_t{500000}},
                                        {"CPUWeight", uint64_t{100}},
                                        {"CPUQuotaPeriodUSec", uint64_t{100000}},
                                        {"CPUQuotaPerSecUSec", uint64_t{130000}},
                                        {"AllowedCPUs", std::vector<uint8_t>{7, 2}},
                                        {"TasksMax", UINT64_MAX},
                                        {"IOWeight", uint64_t{1}}};
  EXPECT_EQ(limit_properties(resources, true).value(), expected);
  std::vector<UnitProperty> version1 = limit_properties(resources, false).value();
  EXPECT_EQ(version1.front().name, "MemoryLimit");
  EXPECT_TRUE(limit_properties(Json::object(), true).value().empty());
  EXPECT_FALSE(limit_properties({{"cpu", {{"cpus", "3-1"}}}}, true));
  EXPECT_FALSE(limit_properties({{"memory", {{"limit", "much"}}}}, true));
}

TEST(SystemdScope, AnnotationsBecomeProperties) {
  std::vector<UnitProperty> expected = {{"CollectMode", std::string("inactive")},
                                        {"KillSignal", int32_t{37}},
                                        {"SendSIGHUP", true},
                                        {"TimeoutStopUSec", uint64_t{5000000}}};
  EXPECT_EQ(annotated_properties({{"org.systemd.property.CollectMode", "'inactive'"},
                                  {"org.systemd.property.KillSignal", "37"},
                                  {"org.systemd.property.SendSIGHUP", "true"},
                                  {"org.systemd.property.TimeoutStopSec", "uint64 5"},
                                  {"other", "x"}})
                .value(),
            expected);
  EXPECT_FALSE(annotated_properties({{"org.systemd.property.X", "[1, 2]"}}));
}

}  // namespace
}  // namespace stack::runtime::oci
