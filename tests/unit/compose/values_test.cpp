#include "orchestrator/compose/values.h"

#include <gtest/gtest.h>

namespace stack::compose {
namespace {

std::string show(const std::vector<PortMapping>& ports) {
  std::string out;
  for (const PortMapping& port : ports) {
    if (!out.empty()) out += " ";
    out += (port.host_ip.empty() ? "" : port.host_ip + "|") +
           (port.published.empty() ? "any" : port.published) + ">" + std::to_string(port.target) + "/" +
           port.protocol;
  }
  return out;
}

std::string port(std::string_view text) {
  auto parsed = parse_port(text);
  return parsed ? show(*parsed) : "ERROR " + parsed.error().text();
}

TEST(Port, ShortFormsExpand) {
  EXPECT_EQ(port("80"), "any>80/tcp");
  EXPECT_EQ(port("8080:80"), "8080>80/tcp");
  EXPECT_EQ(port("8080:80/udp"), "8080>80/udp");
  EXPECT_EQ(port("8080:80/SCTP"), "8080>80/sctp");
  EXPECT_EQ(port("127.0.0.1:8080:80"), "127.0.0.1|8080>80/tcp");
  EXPECT_EQ(port("127.0.0.1::80"), "127.0.0.1|any>80/tcp");
  EXPECT_EQ(port("[::1]:8080:80"), "::1|8080>80/tcp");
  EXPECT_EQ(port("::1:8080:80"), "::1|8080>80/tcp");
  EXPECT_EQ(port("0:80"), "0>80/tcp");
}

TEST(Port, RangesBecomeOneEntryPerPort) {
  EXPECT_EQ(port("3000-3002"), "any>3000/tcp any>3001/tcp any>3002/tcp");
  EXPECT_EQ(port("9090-9091:8080-8081"), "9090>8080/tcp 9091>8081/tcp");
  EXPECT_EQ(port("127.0.0.1:5000-5001:5000-5001/udp"), "127.0.0.1|5000>5000/udp 127.0.0.1|5001>5001/udp");
}

TEST(Port, RangeOverOneContainerPortStaysARange) { EXPECT_EQ(port("3000-3010:80"), "3000-3010>80/tcp"); }

TEST(Port, ExpandedPortsAreSortedAsText) { EXPECT_EQ(port("9999-10000"), "any>10000/tcp any>9999/tcp"); }

TEST(Port, MistakesAreExplained) {
  EXPECT_EQ(port("x:80"),
            "ERROR port \"x:80\": invalid port \"x\": expected a number or a range such as 3000-3010");
  EXPECT_EQ(port("80:70000"), "ERROR port \"80:70000\": invalid port \"70000\": expected 1 to 65535");
  EXPECT_EQ(port("80/http"),
            "ERROR invalid protocol \"http\" in port \"80/http\": expected tcp, udp, or sctp");
  EXPECT_EQ(port("1.2.3:80:80"),
            "ERROR invalid address \"1.2.3\" in port \"1.2.3:80:80\": expected an IP address");
  EXPECT_EQ(port("1-3:1-2"), "ERROR port \"1-3:1-2\": the two ranges have different lengths");
  EXPECT_EQ(port("5-3"), "ERROR port \"5-3\": invalid port range \"5-3\": the first port exceeds the last");
  EXPECT_EQ(port("8080:"), "ERROR no container port in \"8080:\"");
  EXPECT_EQ(port(""), "ERROR no container port in \"\"");
  EXPECT_EQ(port("0"), "ERROR port \"0\": invalid port \"0\": expected 1 to 65535");
}

std::string volume(std::string_view text) {
  auto parsed = parse_volume(text);
  if (!parsed) return "ERROR " + parsed.error().text();
  std::string out = std::string(to_text(parsed->type)) + " " + parsed->source + ">" + parsed->target;
  if (parsed->read_only) out += " ro";
  if (parsed->bind)
    out += " " + parsed->bind->propagation + parsed->bind->selinux +
           (parsed->bind->create_host_path ? "create" : "");
  if (parsed->volume && parsed->volume->nocopy) out += " nocopy";
  return out + (parsed->consistency.empty() ? "" : " " + parsed->consistency);
}

TEST(Volume, ShortFormsAreDistinguished) {
  EXPECT_EQ(volume("/data"), "volume >/data");
  EXPECT_EQ(volume("data:/data"), "volume data>/data");
  EXPECT_EQ(volume("data:/data:ro"), "volume data>/data ro");
  EXPECT_EQ(volume("data:/data:nocopy"), "volume data>/data nocopy");
  EXPECT_EQ(volume("./src:/app"), "bind ./src>/app create");
  EXPECT_EQ(volume("~/x:/x:ro,z"), "bind ~/x>/x ro zcreate");
  EXPECT_EQ(volume("/a:/b:rw,rslave"), "bind /a>/b rslavecreate");
  EXPECT_EQ(volume("/a:/b:cached"), "bind /a>/b create");
  EXPECT_EQ(volume("/a:/b/../c/"), "bind /a>/b/../c/ create");
  EXPECT_EQ(volume("data:/data:z"), "volume data>/data z");
}

TEST(Volume, MistakesAreExplained) {
  EXPECT_EQ(volume("a:/b:rr"), "ERROR volume \"a:/b:rr\": unknown option \"rr\"; did you mean \"ro\"?");
  EXPECT_EQ(volume(":/b"), "ERROR volume \":/b\": an empty section between colons");
  EXPECT_EQ(volume("a:/b:ro:x"), "ERROR volume \"a:/b:ro:x\": too many colons");
}

TEST(Device, FormsAndMistakes) {
  EXPECT_EQ(parse_device("/dev/a")->target, "/dev/a");
  EXPECT_EQ(parse_device("/dev/a")->permissions, "rwm");
  EXPECT_EQ(parse_device("/dev/a:/dev/b:r")->target, "/dev/b");
  EXPECT_EQ(parse_device("/dev/a:/dev/b:r")->permissions, "r");
  EXPECT_EQ(parse_device("vendor.com/gpu=all")->source, "vendor.com/gpu=all");
  EXPECT_FALSE(parse_device("/dev/a:/dev/b:x"));
  EXPECT_FALSE(parse_device(""));
}

TEST(Words, AreSplitLikeInAShell) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(*split_words("a  b\tc"), (Words{"a", "b", "c"}));
  EXPECT_EQ(*split_words("a 'b c' \"d e\""), (Words{"a", "b c", "d e"}));
  EXPECT_EQ(*split_words("a\\ b c\"d\"e"), (Words{"a b", "cde"}));
  EXPECT_EQ(*split_words("'' \"\""), (Words{"", ""}));
  EXPECT_EQ(*split_words("\"a\\\"b\\n\" 'c\\d'"), (Words{"a\"b\\n", "c\\d"}));
  EXPECT_EQ(*split_words(""), Words{});
  EXPECT_EQ(*split_words("echo $HOME *"), (Words{"echo", "$HOME", "*"}));
  EXPECT_EQ(*split_words("a $(date \"+%Y %m\") `b c`d"), (Words{"a", "$(date \"+%Y %m\")", "`b c`d"}));
  EXPECT_FALSE(split_words("a $(date"));
  EXPECT_EQ(*split_words("a && b"), Words{"a"});
  EXPECT_EQ(*split_words("a 2>x"), Words{"a"});
  EXPECT_EQ(*split_words("a \"b;c\""), (Words{"a", "b;c"}));
  EXPECT_FALSE(split_words("a (b)"));
  EXPECT_FALSE(split_words("a 'b"));
  EXPECT_FALSE(split_words("a \\"));
}

TEST(ExtraHost, FormsAndMistakes) {
  EXPECT_EQ(*parse_extra_host("a=1.2.3.4"), "a=1.2.3.4");
  EXPECT_EQ(*parse_extra_host("a:1.2.3.4"), "a=1.2.3.4");
  EXPECT_EQ(*parse_extra_host("a:::1"), "a=::1");
  EXPECT_EQ(*parse_extra_host("a=[::1]"), "a=::1");
  EXPECT_EQ(*parse_extra_host("a:host-gateway"), "a=host-gateway");
  EXPECT_FALSE(parse_extra_host("a"));
  EXPECT_FALSE(parse_extra_host("a=b"));
}

TEST(Restart, FormsAndMistakes) {
  EXPECT_EQ(to_text(*parse_restart("on-failure:3")), "on-failure:3");
  EXPECT_EQ(to_text(*parse_restart("on-failure")), "on-failure");
  EXPECT_EQ(to_text(*parse_restart("no")), "no");
  EXPECT_EQ(to_text(*parse_restart("unless-stopped")), "unless-stopped");
  EXPECT_EQ(parse_restart("alway").error().text(),
            "unknown restart policy \"alway\": expected no, always, unless-stopped, or on-failure[:N]; did "
            "you mean \"always\"?");
  EXPECT_FALSE(parse_restart("on-failure:x"));
}

TEST(PullPolicy, AcceptsItsKeywords) {
  for (const char* word :
       {"always", "never", "missing", "if_not_present", "build", "daily", "weekly", "every_12h", "refresh"})
    EXPECT_TRUE(is_pull_policy(word)) << word;
  for (const char* word : {"sometimes", "every_", "every_x"}) EXPECT_FALSE(is_pull_policy(word)) << word;
}

TEST(ComposeValues, ColonsOfWindowsDrivesAreNotSeparators) {
  struct Case {
    const char* text;
    const char* source;
    const char* target;
    bool bind;
  };
  const Case cases[] = {
      {"C:\\Users\\x:/win", "C:\\Users\\x", "/win", true},
      {"c:/users/y:/win:ro", "c:/users/y", "/win", true},
      {"D:\\a:C:\\b", "D:\\a", "C:\\b", true},
      {"v:/data", "v", "/data", false},
      {"v:/data:ro", "v", "/data", false},
  };
  for (const Case& one : cases) {
    auto mount = parse_volume(one.text);
    ASSERT_TRUE(mount) << one.text;
    EXPECT_EQ(mount->source, one.source);
    EXPECT_EQ(mount->target, one.target);
    EXPECT_EQ(mount->type == MountType::Bind, one.bind) << one.text;
  }
}

}  // namespace
}  // namespace stack::compose
