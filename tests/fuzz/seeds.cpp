// Creates the initial corpora of the fuzz targets: fuzz_seeds SOURCE_FOLDER CORPUS_FOLDER
// Sources: the string literals of the unit tests for the same code, our own defaults, and the examples.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/identity.h"
#include "images/archive/tar_writer.h"
#include "net/dns/message.h"
#include "runtime/monitor/wire.h"
#include "runtime/seccomp/seccomp.h"
#include "runtime/spec/defaults.h"

using namespace stack;

namespace {

namespace fs = std::filesystem;

std::string g_corpus;

void add(const std::string& target, const std::string& seed) {
  std::string folder = g_corpus + "/" + target;
  (void)ensure_directory(folder);
  (void)write_file(folder + "/" + sha256_hex(seed).substr(0, 16), seed);
}

// ---- string literals of C++ text ----

// Reads an escape after the backslash at `at`; leaves `at` after it.
char unescape(const std::string& text, size_t& at) {
  char c = text[at++];
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case '0':
      return '\0';
    case 'x': {
      int value = 0;
      for (; at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at])) != 0; ++at)
        value = value * 16 + std::stoi(text.substr(at, 1), nullptr, 16);
      return static_cast<char>(value);
    }
    default:
      return c;
  }
}

std::string raw_literal(const std::string& text, size_t& at) {
  size_t open = text.find('(', at);
  std::string end = ")" + text.substr(at, open - at) + "\"";
  size_t close = text.find(end, open);
  if (close == std::string::npos) close = text.size();
  at = std::min(close + end.size(), text.size());
  return text.substr(open + 1, close - open - 1);
}

std::vector<std::string> literals_of(const std::string& text) {
  std::vector<std::string> out;
  bool joined = false;  // only blanks since the last one: the compiler would join them
  for (size_t at = 0; at < text.size();) {
    char c = text[at++];
    if (c == '/' && at < text.size() && text[at] == '/') at = std::min(text.find('\n', at), text.size());
    if (c == '\'' && at + 1 < text.size()) at += text[at] == '\\' ? 3 : 2;
    if (c != '"') {
      joined = joined && (c == ' ' || c == '\n');
      continue;
    }
    std::string literal;
    if (at >= 2 && text[at - 2] == 'R') {
      literal = raw_literal(text, at);
    } else {
      while (at < text.size() && text[at] != '"') {
        char inside = text[at++];
        literal += inside == '\\' && at < text.size() ? unescape(text, at) : inside;
      }
      ++at;
    }
    if (joined) {
      out.back() += literal;
    } else {
      out.push_back(literal);
    }
    joined = true;
  }
  return out;
}

// `readers`: the number of readers among which the first byte of an input chooses; 0 = there is no such byte.
void add_literals(const std::string& target, const std::string& folder, size_t least, int readers = 0) {
  if (!fs::exists(folder)) {
    std::fprintf(stderr, "fuzz_seeds: %s does not exist\n", folder.c_str());
    std::exit(1);
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".cpp") continue;
    for (const std::string& literal : literals_of(read_file(entry.path()).value_or("")))
      if (literal.size() >= least)
        for (int reader = 0; reader < std::max(readers, 1); ++reader)
          add(target, (readers == 0 ? "" : std::string(1, static_cast<char>(reader))) + literal);
  }
}

// ---- generated seeds ----

template <typename T>
std::string bytes_of(const T& message) {
  return {reinterpret_cast<const char*>(&message), sizeof(message)};
}

template <typename T>
void add_message(runtime::wire::Type type, uint32_t bits, const std::string& words = "") {
  T message;
  message.header.type = type;
  message.header.fd_bits = bits;
  add("monitor_message", std::string(1, '\x05') + bytes_of(message) + words);
}

void add_messages() {
  using namespace runtime::wire;
  const std::string words("one\0two\0three\0", 14);
  add_message<ProcessMessage>(kCreated, kPidfd | kStdout | kStderr);
  add_message<ProcessMessage>(kStarted, kPidfd | kStdin | kTerminal, words);
  add_message<FailedMessage>(kFailed, 0, words);
  add_message<HelloMessage>(kHello, kPidfd | kNetns, words);
  add_message<ExitedMessage>(kExited, 0);
  for (Type type : {kOomKilled, kStdinClosed, kAttached, kRefused}) add_message<PlainMessage>(type, 0, words);
}

std::string dns_pair(const std::string& query, const std::string& reply) {
  std::string out;
  dns::put_u16(out, static_cast<uint16_t>(query.size()));
  return out + query + reply;
}

void add_dns() {
  for (const char* name : {"web", "a.example.org", "1.0.0.10.in-addr.arpa", "b.a.9.8.ip6.arpa"}) {
    for (uint16_t type : {dns::kTypeA, dns::kTypeAaaa, dns::kTypePtr, dns::kTypeAny}) {
      dns::Query query;
      query.id = 7;
      query.flags = dns::kFlagRd;
      query.question.wire_name = *dns::wire_name_of(name);
      query.question.name = name;
      query.question.type = type;
      query.question.klass = dns::kClassIn;
      query.edns = dns::Edns{};
      std::string question = dns::forward_query(query, 7, query.question.wire_name, true);
      dns::ReplyBuilder builder(query, 512);
      (void)builder.add_address(*parse_ip("10.0.0.1"), 60);
      (void)builder.add_soa(5, 0);
      add("dns_message", dns_pair(question, builder.finish(dns::Rcode::NoError)));
    }
  }
}

void add_tar() {
  std::string bytes;
  images::TarWriter writer([&](std::string_view piece) -> Result<> {
    bytes += piece;
    return {};
  });
  auto entry = [&](char type, const std::string& name, const std::string& content = "") {
    images::TarEntry member;
    member.type = type;
    member.name = name;
    member.mode = 0644;
    member.size = static_cast<int64_t>(content.size());
    if (type == '1' || type == '2') member.link_name = "a/file";
    if (type == '0') member.xattrs["user.x"] = "y";
    (void)writer.entry(member);
    (void)writer.content(content);
  };
  entry('5', "a/");
  entry('0', "a/file", std::string(1000, 'x'));
  entry('0', std::string(300, 'n'), "long name");
  entry('1', "hard");
  entry('2', "soft");
  entry('0', "a/.wh.gone");
  (void)writer.finish();
  add("tar_stream", bytes);
}

void add_defaults() {
  std::string profile(runtime::default_seccomp_profile());
  add("seccomp_profile", profile);
  add("seccomp_profile",
      R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X32"],"syscalls":[)"
      R"({"names":["socket","ioctl"],"action":"SCMP_ACT_ERRNO","errnoRet":1,"args":[{"index":0,"value":38,)"
      R"("valueTwo":1,"op":"SCMP_CMP_MASKED_EQ"}],"includes":{"caps":["CAP_CHOWN"],"minKernel":"4.8"}}]})");
  Json spec = runtime::default_spec();
  spec["process"]["args"] = {"sh"};
  add("runtime_spec", to_text(spec));
  spec = runtime::privileged_spec();
  spec["process"]["args"] = {"sh"};
  spec["linux"]["devices"] = Json::array();
  add("runtime_spec", to_text(spec));
  add("users", std::string("web:extra") + '\0' +
                   "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000:W:/home/web:/bin/sh\n" + '\0' +
                   "root:x:0:\nextra:x:2000:web,root\n");
  for (const char* name : {"0", "1000:1000", "root", "4294967295", "+0", "00", ":0", "a:b:c"})
    add("users", std::string(name) + '\0' + "root:x:0:0::/:\n" + '\0' + "root:x:0:\n");
}

void add_examples(const std::string& source) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(source + "/compose-examples")) {
    std::string name = entry.path().filename();
    if (entry.is_regular_file() && name.starts_with("Dockerfile"))
      add("dockerfile", read_file(entry.path()).value_or(""));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: fuzz_seeds SOURCE_FOLDER CORPUS_FOLDER\n");
    return 1;
  }
  const std::string source = argv[1];
  g_corpus = argv[2];
  add_literals("runtime_spec", source + "/tests/unit/runtime", 20);
  add_literals("seccomp_profile", source + "/tests/unit/runtime", 20);
  add_literals("users", source + "/tests/unit/runtime", 4);
  add_literals("dns_message", source + "/tests/unit/dns", 12);
  add_literals("dockerfile", source + "/tests/unit/builder", 6);
  add_literals("ignore_rules", source + "/tests/unit/builder", 2);
  add_literals("image_documents", source + "/tests/unit/images", 20, 4);
  add_literals("image_documents", source + "/tests/unit/builder", 20, 4);
  add_literals("registry_documents", source + "/tests/unit/registry", 8, 6);
  add_literals("registry_auth", source + "/tests/unit/docker", 8, 2);
  add_literals("tar_stream", source + "/tests/unit/images", 100);
  add_literals("http_request", source + "/tests/unit/http", 12);
  add_messages();
  add_dns();
  add_tar();
  add_defaults();
  add_examples(source);
  return 0;
}
