#include "images/store/image.h"

#include <gtest/gtest.h>

namespace stack::images {
namespace {

TEST(ImageDocument, SurvivesWritingAndReading) {
  ImageDocument document;
  document.architecture = "amd64";
  document.created = "2026-01-02T03:04:05Z";
  document.config.env = {"B=1", "A=2"};
  document.config.entrypoint = {"/e"};
  document.config.exposed_ports = {"80/tcp"};
  document.config.volumes = {"/data"};
  document.config.labels = {{"a", "b"}};
  document.config.healthcheck = Healthcheck{{"CMD", "x"}, std::chrono::seconds(5), {}, {}, {}, 3};
  document.config.on_build = {"RUN x"};
  document.diff_ids = {"sha256:" + std::string(64, 'a')};
  document.history = {{"2026-01-02T03:04:05Z", "RUN x", "c", "", false}, {"", "ENV", "", "", true}};
  std::string text = to_json_text(document);
  Result<ImageDocument> read = parse_image_document(text);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(to_json_text(*read), text);
  EXPECT_EQ(read->config.env, document.config.env) << "order is kept";
  EXPECT_EQ(read->config.healthcheck, document.config.healthcheck);
}

TEST(ImageDocument, OtherDocumentsAreRejected) {
  for (std::string_view bad : {"", "[]", "{}", "{\"rootfs\":[]}", "{\"layers\":[]}"})
    EXPECT_FALSE(parse_image_document(bad)) << bad;
}

TEST(ImageDocument, WronglyTypedMembersAreIgnoredNotTrusted) {
  Result<ImageDocument> read = parse_image_document(
      R"({"rootfs":{"diff_ids":["a",1]},"config":{"Env":"x","Cmd":[1,"y"],"Labels":[],"Healthcheck":{"Retries":-5}},"history":[3]})");
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_TRUE(read->config.env.empty());
  EXPECT_EQ(read->config.cmd, std::vector<std::string>{"y"});
  EXPECT_EQ(read->config.healthcheck->retries, 0);
}

TEST(DockerConfig, AbsentListsAreNullLikeInDocker) {
  Json config = docker_config({});
  EXPECT_TRUE(config["Entrypoint"].is_null());
  EXPECT_TRUE(config["Env"].is_null());
  EXPECT_EQ(config["WorkingDir"], "");
}

}  // namespace
}  // namespace stack::images
