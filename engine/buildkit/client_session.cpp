#include "engine/buildkit/client_session.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/log.h"
#include "engine/buildkit/buildkit.pb.h"
#include "engine/buildkit/file_piece.h"
#include "engine/buildkit/folder_sender.h"
#include "engine/buildkit/tree_writer.h"
#include "http/wire/query.h"

namespace stack::engine {

namespace {

constexpr const char* kSyncMethod = "/moby.filesync.v1.FileSync/DiffCopy";
constexpr const char* kSendMethod = "/moby.filesync.v1.FileSend/DiffCopy";
constexpr const char* kCredentialsMethod = "/moby.filesync.v1.Auth/Credentials";
constexpr const char* kUploadMethod = "/moby.upload.v1.Upload/Pull";
constexpr const char* kSecretMethod = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
constexpr const char* kCheckAgentMethod = "/moby.sshforward.v1.SSH/CheckAgent";
constexpr const char* kAgentMethod = "/moby.sshforward.v1.SSH/ForwardAgent";
constexpr size_t kBatchBytes = 1 << 20;
constexpr auto kSessionWait = std::chrono::seconds(10);

// A list as header fields; texts that are not ASCII are encoded.
void add_list(grpc::Metadata& metadata, const std::string& name, const std::vector<std::string>& values) {
  auto is_ascii = [](const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  };
  bool plain = std::all_of(values.begin(), values.end(), is_ascii);
  for (const std::string& value : values)
    metadata.emplace_back(name, plain ? value : http::percent_encode(value));
  if (!plain) metadata.emplace_back(name + "-encoded", "1");
}

std::string packet_text(buildkit::FilePacket::Type type, uint32_t id = 0) {
  buildkit::FilePacket packet;
  packet.set_type(type);
  packet.set_id(id);
  return packet.SerializeAsString();
}

// One stream of files from a client.
struct Receiving {
  explicit Receiving(TreeWriter files) : writer(std::move(files)) {}

  TreeWriter writer;
  uint32_t next = 0;    // number of the next entry
  bool listed = false;  // all entries have come

  bool complete() const { return listed && writer.unfinished() == 0; }
};

// Blocks. Returns the packets to send.
Result<std::vector<std::string>> take_packets(Receiving& receiving, const std::vector<std::string>& texts) {
  std::vector<std::string> answers;
  for (const std::string& text : texts) {
    buildkit::FilePacket packet;
    if (!packet.ParseFromString(text)) return invalid("build context: unreadable packet");
    if (packet.type() == buildkit::FilePacket::ERROR) return Error("build context: " + packet.data());
    if (packet.type() == buildkit::FilePacket::DATA) {
      TRY(packet.data().empty() ? receiving.writer.end(packet.id())
                                : receiving.writer.write(packet.id(), packet.data()));
    } else if (packet.type() == buildkit::FilePacket::STAT && !packet.has_stat()) {
      receiving.listed = true;
    } else if (packet.type() == buildkit::FilePacket::STAT) {
      const buildkit::FileStat& stat = packet.stat();
      TRY_ASSIGN(bool wanted, receiving.writer.add(receiving.next,
                                                   {stat.path(), stat.mode(), stat.modified(), stat.link()}));
      if (wanted) answers.push_back(packet_text(buildkit::FilePacket::REQUEST, receiving.next));
      ++receiving.next;
    }
  }
  return answers;
}

// The messages that are here, at least one; nullopt at the end.
Task<Result<std::optional<std::vector<std::string>>>> next_batch(grpc::CallPtr call) {
  Result<std::optional<std::string>> first = co_await call->receive();
  CO_TRY(first);
  if (!*first) co_return std::optional<std::vector<std::string>>();
  std::vector<std::string> batch;
  size_t bytes = 0;
  for (std::optional<std::string> message = std::move(*first); message; message = call->take_ready()) {
    bytes += message->size();
    batch.push_back(std::move(*message));
    if (bytes > kBatchBytes) break;
  }
  co_return std::optional(std::move(batch));
}

Task<Result<>> receive_files(asio::thread_pool& pool, grpc::CallPtr call, std::string directory) {
  Result<TreeWriter> writer = TreeWriter::open(directory);
  CO_TRY(writer);
  auto receiving = std::make_shared<Receiving>(std::move(*writer));
  while (!receiving->complete()) {
    auto batch = co_await next_batch(call);
    CO_TRY(batch);
    if (!*batch) co_return Error(ErrorKind::Canceled, "build context: the client ended the transfer");
    auto work = [receiving, texts = std::move(**batch)] { return take_packets(*receiving, texts); };
    Result<std::vector<std::string>> answers = co_await offload(pool, std::move(work));
    CO_TRY(answers);
    for (const std::string& answer : *answers) {
      Result<> sent = co_await call->send(answer);
      CO_TRY(sent);
    }
  }
  auto finish = [receiving] { return receiving->writer.finish(); };
  Result<> finished = co_await offload(pool, std::move(finish));
  CO_TRY(finished);
  Result<> sent = co_await call->send(packet_text(buildkit::FilePacket::FINISH));
  CO_TRY(sent);
  call->close_sending();
  // The client's own farewell, so that it sees no broken call.
  Result<std::optional<std::string>> farewell = co_await call->receive();
  (void)farewell;
  co_return Result<>();
}

}  // namespace

Task<Result<>> ClientSession::sync(asio::thread_pool& pool, FolderRequest request, std::string directory) {
  if (!offers(kSyncMethod)) co_return not_found("the client offers no folders");
  grpc::Metadata metadata{{"dir-name", request.folder}};
  add_list(metadata, "followpaths", request.only);
  add_list(metadata, "exclude-patterns", request.exclude);
  Result<grpc::CallPtr> call = connection_->call(kSyncMethod, metadata);
  CO_TRY(call);
  Result<> received = co_await receive_files(pool, *call, std::move(directory));
  if (!received) (*call)->cancel();
  co_return received;
}

Task<Result<std::optional<std::string>>> ClientSession::secret(std::string id) {
  if (!offers(kSecretMethod)) co_return std::optional<std::string>();
  buildkit::SecretRequest request;
  request.set_id(id);
  Result<std::string> answer = co_await connection_->ask(kSecretMethod, request.SerializeAsString());
  if (!answer && answer.error().kind() == ErrorKind::NotFound) co_return std::optional<std::string>();
  CO_TRY(answer);
  buildkit::Bytes bytes;
  if (!bytes.ParseFromString(*answer))
    co_return invalid("secret " + id + ": unreadable answer of the client");
  co_return std::optional<std::string>(bytes.data());
}

Task<RegistryCredentials> ClientSession::credentials(std::string registry) {
  RegistryCredentials out;
  if (!offers(kCredentialsMethod)) co_return out;
  buildkit::CredentialsRequest request;
  request.set_host(registry == "docker.io" ? "registry-1.docker.io" : registry);
  Result<std::string> answer = co_await connection_->ask(kCredentialsMethod, request.SerializeAsString());
  buildkit::Credentials found;
  if (!answer || !found.ParseFromString(*answer)) {
    if (!answer) log_debug("credentials for " + registry + ": " + answer.error().text());
    co_return out;
  }
  // Without a user, the secret is an identity token.
  if (found.username().empty()) {
    out.identity_token = found.secret();
  } else {
    out.username = found.username();
    out.password = found.secret();
  }
  co_return out;
}

Task<Result<>> ClientSession::download(asio::thread_pool& pool, std::string id, std::string path) {
  Result<grpc::CallPtr> call =
      connection_->call(kUploadMethod, {{"urlpath", "/" + id}, {"urlhost", "buildkit-session"}});
  CO_TRY(call);
  Result<Fd> opened = open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  CO_TRY(opened);
  auto file = std::make_shared<Fd>(std::move(*opened));
  for (;;) {
    auto batch = co_await next_batch(*call);
    CO_TRY(batch);
    if (!*batch) co_return Result<>();
    auto work = [file, texts = std::move(**batch)]() -> Result<> {
      for (const std::string& text : texts) {
        buildkit::Bytes bytes;
        if (!bytes.ParseFromString(text)) return invalid("build context: unreadable message");
        TRY(write_all(file->get(), bytes.data()));
      }
      return {};
    };
    Result<> written = co_await offload(pool, std::move(work));
    CO_TRY(written);
  }
}

Task<Result<>> ClientSession::send_file(asio::thread_pool& pool, std::string path, int exporter) {
  Result<grpc::CallPtr> call =
      connection_->call(kSendMethod, {{"buildkit-attachable-exporter-id", std::to_string(exporter)}});
  CO_TRY(call);
  Result<Fd> opened = open_file(path, O_RDONLY);
  CO_TRY(opened);
  auto file = std::make_shared<Fd>(std::move(*opened));
  for (;;) {
    Result<std::string> piece = co_await read_file_piece(pool, file);
    CO_TRY(piece);
    if (piece->empty()) break;
    buildkit::Bytes bytes;
    bytes.set_data(std::move(*piece));
    Result<> sent = co_await (*call)->send(bytes.SerializeAsString());
    CO_TRY(sent);
  }
  (*call)->close_sending();
  Result<std::optional<std::string>> end = co_await (*call)->receive();
  CO_TRY(end);
  co_return Result<>();
}

Task<Result<>> ClientSession::send_folder(asio::thread_pool& pool, std::string directory, int exporter) {
  Result<grpc::CallPtr> call =
      connection_->call(kSendMethod, {{"buildkit-attachable-exporter-id", std::to_string(exporter)}});
  CO_TRY(call);
  Result<> sent = co_await stack::engine::send_folder(pool, *call, std::move(directory));
  if (!sent) (*call)->cancel();
  co_return sent;
}

Task<Result<>> ClientSession::check_agent(std::string id) {
  if (!offers(kAgentMethod)) co_return not_found("the client forwards no SSH agent");
  buildkit::AgentRequest request;
  request.set_id(id);
  Result<std::string> answer = co_await connection_->ask(kCheckAgentMethod, request.SerializeAsString());
  CO_TRY(answer);
  co_return Result<>();
}

Result<grpc::CallPtr> ClientSession::connect_agent(const std::string& id) {
  return connection_->call(kAgentMethod, {{"buildkit.ssh.id", id}});
}

// ---- all sessions ----

Task<> ClientSessions::serve(const http::Headers& headers, http::RawStream stream) {
  std::string id = headers.get("X-Docker-Expose-Session-Uuid");
  std::set<std::string> methods;
  for (const auto& [name, value] : headers.items())
    if (http::equal_ignoring_case(name, "X-Docker-Expose-Session-Grpc-Method")) methods.insert(value);
  auto connection = grpc::Connection::create(io_, std::move(stream), nullptr);
  auto session = std::make_shared<ClientSession>(connection, std::move(methods));
  sessions_[id] = session;
  changed_.notify_all();
  co_await connection->run();
  if (auto found = sessions_.find(id); found != sessions_.end() && found->second == session)
    sessions_.erase(found);
}

Task<Result<SessionPtr>> ClientSessions::wait_for(std::string id, std::stop_token stop) {
  auto deadline = std::chrono::steady_clock::now() + kSessionWait;
  for (;;) {
    if (auto found = sessions_.find(id); found != sessions_.end()) co_return found->second;
    if (stop.stop_requested()) co_return Error(ErrorKind::Canceled, "build was canceled");
    bool notified = co_await changed_.wait_until(deadline);
    if (!notified) co_return not_found("no active session for " + id);
  }
}

}  // namespace stack::engine
