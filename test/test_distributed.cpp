// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Training by several processes: what launchers say, what processes add up, a process that ends. The processes are this
   program again, on the loopback, each with one case of the suite "process". */

#define BOOST_TEST_MODULE distributed
#include <boost/test/unit_test.hpp>

#include "errors.hpp"
#include "programs.hpp"
#include "training_world.hpp"

#include "distributed/process_group.hpp"
#include "report/curves.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <thread>

using namespace d2det;
using namespace d2det::test;

namespace
{

using Variables = std::map<std::string, std::string>;

Launch launchOf(const Variables& variables)
{
    return readLaunch(
        [&](const char* name)
        {
            const auto found = variables.find(name);
            return found == variables.end() ? nullptr : found->second.c_str();
        });
}

//! A port that nobody listens on at present.
int freePort()
{
    const int file = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    BOOST_REQUIRE(bind(file, reinterpret_cast<sockaddr*>(&address), length) == 0);
    BOOST_REQUIRE(getsockname(file, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    close(file);
    return ntohs(address.sin_port);
}

//! The outcomes of processes that run a case of the suite "process" together.
std::vector<Outcome> together(const std::string& name, int processes, const std::string& variables = "")
{
    const TempFolder folder;
    const int port = freePort();
    std::vector<Outcome> outcomes(static_cast<size_t>(processes));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < processes; rank++)
    {
        const std::string own = folder / std::to_string(rank);
        std::filesystem::create_directory(own);
        const std::string command = variables + " OMP_NUM_THREADS=1 RANK=" + std::to_string(rank) +
                                    " LOCAL_RANK=" + std::to_string(rank) + " WORLD_SIZE=" + std::to_string(processes) +
                                    " MASTER_ADDR=127.0.0.1 MASTER_PORT=" + std::to_string(port) + " '" +
                                    programPath("d2det_test_distributed") + "' --run_test=process/" + name;
        threads.emplace_back([=, &outcomes] { outcomes[static_cast<size_t>(rank)] = runShell(own, command); });
    }
    for (std::thread& thread : threads)
        thread.join();
    return outcomes;
}

void requireAllGood(const std::string& name, int processes, const std::string& variables = "")
{
    const std::vector<Outcome> outcomes = together(name, processes, variables);
    for (size_t rank = 0; rank < outcomes.size(); rank++)
    {
        BOOST_TEST(outcomes[rank].code == 0, "process " << rank << ": " << outcomes[rank].text);
        checkContains(outcomes[rank].text, "No errors detected");
    }
}

//! Seconds in TEST_LIMIT, a minute otherwise.
std::shared_ptr<ProcessGroup> join()
{
    const char* const limit = std::getenv("TEST_LIMIT");
    const int seconds = limit ? std::stoi(limit) : 60;
    return ProcessGroup::join(readLaunch(), torch::kCPU, std::chrono::seconds(seconds));
}

//! Network namespaces and a virtual cable between two of them: not in every container.
boost::test_tools::assertion_result networksCanBeMade(boost::unit_test::test_unit_id)
{
    const TempFolder folder;
    boost::test_tools::assertion_result can =
        runShell(folder.path(), "unshare --map-root-user --net ip link add here type veth peer name there").code == 0;
    if (!can)
        can.message() << "SKIPPED: this system makes no network namespaces (unshare, ip)";
    return can;
}

//! The suite "process" runs only where a launcher has set the variables.
boost::test_tools::assertion_result isLaunched(boost::unit_test::test_unit_id)
{
    return std::getenv("RANK") != nullptr;
}

}  // namespace

//! Writes the configuration and returns the variables with which the case "trains" takes it.
std::string trainVariables(const World& world, const Config& config, const std::string& run)
{
    const std::string path = world.path(run + ".json");
    std::ofstream(path) << configToJson(config);
    return "TEST_CONFIG='" + path + "' TEST_RUN='" + world.path(run) + "'";
}

Config configOf(const World& world, int accumulate)
{
    Config config = world.config();
    config.solver.accumulate = accumulate;
    config.solver.epochs = 3;
    config.validation.loss = true;
    return config;
}

TrainOptions withEvaluation(const World& world, const std::string& run)
{
    TrainOptions options = world.options(run);
    options.evalEvery = 1.5;
    return options;
}

//! Norm of the difference of all weights as a share of their norm.
double difference(const TensorFile& a, const TensorFile& b)
{
    const TensorMap first = modelWeights(a, false), second = modelWeights(b, false);
    double all = 0, difference = 0;
    for (const auto& item : first)
    {
        all += item.second.to(torch::kDouble).square().sum().item<double>();
        difference += (item.second - second.at(item.first)).to(torch::kDouble).square().sum().item<double>();
    }
    return std::sqrt(difference / all);
}

// ------------------------------------------------------------------ launchers

BOOST_AUTO_TEST_CASE(variables_of_launchers)
{
    const Launch single = launchOf({});
    BOOST_TEST((single.size == 1 && single.rank == 0 && single.launcher.empty()));
    BOOST_TEST(launchOf({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).launcher.empty());

    const Launch torchrun = launchOf({{"RANK", "3"},
                                      {"WORLD_SIZE", "8"},
                                      {"LOCAL_RANK", "1"},
                                      {"MASTER_ADDR", "node0"},
                                      {"MASTER_PORT", "1234"},
                                      {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                      {"SLURM_PROCID", "7"},
                                      {"SLURM_NTASKS", "9"}});
    BOOST_TEST((torchrun.rank == 3 && torchrun.size == 8 && torchrun.localRank == 1 && torchrun.storeIsThere));
    BOOST_TEST((torchrun.address == "node0" && torchrun.port == 1234 && torchrun.launcher == "torchrun"));

    const Launch mpirun =
        launchOf({{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}});
    BOOST_TEST((mpirun.rank == 1 && mpirun.size == 2 && mpirun.localRank == 1 && mpirun.launcher == "mpirun"));
    BOOST_TEST((mpirun.address == "127.0.0.1" && mpirun.port == 29500 && !mpirun.storeIsThere));

    const Launch srun = launchOf({{"SLURM_PROCID", "2"},
                                  {"SLURM_NTASKS", "4"},
                                  {"SLURM_LOCALID", "0"},
                                  {"SLURM_LAUNCH_NODE_IPADDR", "10.0.0.5"}});
    BOOST_TEST((srun.rank == 2 && srun.size == 4 && srun.localRank == 0 && srun.launcher == "srun"));
    BOOST_TEST(srun.address == "10.0.0.5");
}

BOOST_AUTO_TEST_CASE(variables_that_contradict)
{
    const auto error = [](const Variables& variables) { return errorOf([&] { launchOf(variables); }); };
    checkContains(error({{"RANK", "1"}}), "WORLD_SIZE is not");
    checkContains(error({{"WORLD_SIZE", "2"}}), "RANK is not");
    checkContains(error({{"RANK", "2"}, {"WORLD_SIZE", "2"}}), "RANK is '2', it must be a number from 0 to 1");
    checkContains(error({{"RANK", "0"}, {"WORLD_SIZE", "two"}}), "WORLD_SIZE is 'two'");
    checkContains(error({{"RANK", "-1"}, {"WORLD_SIZE", "2"}}), "RANK is '-1'");
    checkContains(error({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "99999"}}), "MASTER_PORT is '99999'");
}

// ------------------------------------------------------------------ processes

BOOST_AUTO_TEST_CASE(single_process_changes_nothing)
{
    const auto group = ProcessGroup::join(Launch(), torch::kCPU, std::chrono::seconds(1));
    const torch::Tensor tensor = torch::arange(6.);
    group->sum({tensor});
    group->broadcast({tensor});
    BOOST_TEST(torch::equal(tensor, torch::arange(6.)));
    BOOST_TEST(group->sum(2.5) == 2.5);
    BOOST_TEST((group->gather("text") == std::vector<std::string>{"text"}));
}

BOOST_AUTO_TEST_CASE(processes_add_up)
{
    requireAllGood("adds_up", 2);
    requireAllGood("adds_up", 3);
}

BOOST_AUTO_TEST_CASE(ended_process_is_an_error_in_the_other)
{
    const std::vector<Outcome> outcomes = together("ends_early", 2);
    BOOST_TEST(outcomes[1].code == 9, outcomes[1].text);
    BOOST_TEST(outcomes[0].code == 0, outcomes[0].text);
}

BOOST_AUTO_TEST_CASE(missing_process_is_an_error)
{
    Launch launch;
    launch.size = 2;
    launch.port = freePort();
    const std::string error = errorOf([&] { ProcessGroup::join(launch, torch::kCPU, std::chrono::seconds(1)); });
    checkContains(error, "process 0 of 2 cannot join");
    checkContains(error, "within 1 s");
}

// ------------------------------------------------------------------ training

/* Two and three processes share the four batches of a step: the same steps, validation and losses as one process alone.
   Only the order of the sums differs. */
BOOST_AUTO_TEST_CASE(processes_train_like_one)
{
    constexpr double ROUNDING = 1e-6;
    const World world;
    Config config = configOf(world, 4);
    config.solver.epochs = 6;
    BOOST_TEST(Trainer(config, withEvaluation(world, "alone")).run());
    const CsvTable alone = readCsv(world.path("alone/eval.csv"));
    for (const int processes : {2, 3})
    {
        const std::string run = "run" + std::to_string(processes);
        requireAllGood("trains", processes, trainVariables(world, config, run));
        BOOST_TEST(world.last(run).metadata.at("iteration") == world.last("alone").metadata.at("iteration"));
        BOOST_TEST(difference(world.last("alone"), world.last(run)) < ROUNDING);
        const CsvTable together = readCsv(world.path(run + "/eval.csv"));
        BOOST_TEST(together.names == alone.names, boost::test_tools::per_element());
        BOOST_REQUIRE(together.rows() == alone.rows());
        for (size_t column = 0; column < alone.names.size(); column++)
            for (size_t row = 0; row < alone.rows(); row++)
            {
                const double x = alone.columns[column][row], y = together.columns[column][row];
                BOOST_TEST(std::abs(x - y) <= 1e-4 * std::max(1., std::abs(x)),
                           alone.names[column] << ": " << x << ", " << y);
            }
        // Every line once, although several processes were there.
        BOOST_TEST(linesOf(world.path(run + "/log.csv")).size() == linesOf(world.path("alone/log.csv")).size());
    }
    // Other batches make another model: the comparison above can fail.
    config.solver.seed++;
    BOOST_TEST(Trainer(config, world.options("other")).run());
    BOOST_TEST(difference(world.last("alone"), world.last("other")) > 1000 * ROUNDING);
}

//! More processes than batches in a step: more batches, and a learning rate that grows with them.
BOOST_AUTO_TEST_CASE(rate_follows_the_batch)
{
    const World world;
    const Config config = configOf(world, 1);
    requireAllGood("trains", 2, trainVariables(world, config, "run"));
    const Config kept = checkpointConfig(world.last("run"));
    BOOST_TEST(kept.solver.accumulate == 2);
    BOOST_TEST(kept.solver.learningRate == 2 * config.solver.learningRate, boost::test_tools::tolerance(1e-6));
    BOOST_TEST(Trainer(kept, world.options("alone")).run());
    BOOST_TEST(difference(world.last("alone"), world.last("run")) < 1e-6);

    // The run goes on in one process by the same steps, but not in three.
    TrainOptions options = world.options("run");
    options.resume = true;
    Trainer trainer(kept, options);
    BOOST_TEST(trainer.totalIterations() == trainer.iteration());
    const std::vector<Outcome> three = together("resumes", 3, trainVariables(world, kept, "run"));
    for (const Outcome& outcome : three)
        checkContains(outcome.text, "3 processes cannot share: resume with at most 2");
}

//! The others end with an error and a checkpoint, from which one process goes on.
BOOST_AUTO_TEST_CASE(ended_process_costs_no_step)
{
    const World world;
    const Config config = configOf(world, 2);
    BOOST_TEST(Trainer(config, withEvaluation(world, "alone")).run());
    const std::vector<Outcome> outcomes = together("trains", 2, trainVariables(world, config, "run") + " TEST_END=1");
    BOOST_TEST(outcomes[1].code == 9, outcomes[1].text);
    BOOST_TEST(outcomes[0].code != 0);
    checkContains(outcomes[0].text, "another process has ended");
    BOOST_TEST(world.last("run").metadata.at("iteration") == "2");
    TrainOptions options = withEvaluation(world, "run");
    options.resume = true;
    BOOST_TEST(Trainer(config, options).run());
    BOOST_TEST(difference(world.last("alone"), world.last("run")) < 1e-6);
}

/* The same for a cut cable: the processes live in network namespaces of their own, joined by a virtual cable that goes
   down in the middle of the training. Nothing closes their connections; only the timeout tells them. */
BOOST_AUTO_TEST_CASE(cut_off_process_costs_no_step, *boost::unit_test::precondition(networksCanBeMade))
{
    constexpr int LIMIT = 5;  // seconds that the processes wait for each other
    const World world;
    Config config = configOf(world, 2);
    config.solver.epochs = 40;
    const std::string variables =
        "OMP_NUM_THREADS=1 WORLD_SIZE=2 MASTER_ADDR=10.77.0.1 MASTER_PORT=29500 TEST_LIMIT=" + std::to_string(LIMIT) +
        " " + trainVariables(world, config, "run");
    const std::string program = "'" + programPath("d2det_test_distributed") + "' --run_test=process/trains";
    std::ofstream(world.path("cut.sh"))
        << "set -e\n"
        << "unshare --net sleep 600 & other=$!\n"
        << "trap 'kill -9 $other $(jobs -p) 2>/dev/null || true' EXIT\n"
        << "until [ \"$(readlink /proc/$other/ns/net)\" != \"$(readlink /proc/self/ns/net)\" ]; do sleep 0.05; done\n"
        << "there() { nsenter --net=/proc/$other/ns/net \"$@\"; }\n"
        << "ip link set lo up; there ip link set lo up\n"
        << "ip link add here type veth peer name there netns $other\n"
        << "ip addr add 10.77.0.1/24 dev here; ip link set here up\n"
        << "there ip addr add 10.77.0.2/24 dev there; there ip link set there up\n"
        << "env RANK=0 LOCAL_RANK=0 GLOO_SOCKET_IFNAME=here " << variables << " " << program
        << " >rank0.txt 2>&1 & a=$!\n"
        << "there env RANK=1 LOCAL_RANK=0 GLOO_SOCKET_IFNAME=there " << variables << " " << program
        << " >rank1.txt 2>&1 & b=$!\n"
        << "while [ ! -e run/last.safetensors ] && kill -0 $a 2>/dev/null; do sleep 0.05; done\n"
        << "ip link set here down; cut=$SECONDS\n"
        << "code_a=0; wait $a || code_a=$?\n"
        << "code_b=0; wait $b || code_b=$?\n"
        << "echo codes $code_a $code_b seconds $((SECONDS - cut))\n";
    const Outcome o = runShell(world.folder.path(), "unshare --map-root-user --net bash cut.sh");
    const std::string first = textOf(world.path("rank0.txt")), second = textOf(world.path("rank1.txt"));
    BOOST_TEST_INFO(o.text << first << second);
    int codes[2] = {0, 0}, seconds = 0;
    BOOST_REQUIRE(std::sscanf(o.out.c_str(), "codes %d %d seconds %d", &codes[0], &codes[1], &seconds) == 3);
    BOOST_TEST(codes[0] != 0);
    BOOST_TEST(codes[1] != 0);
    BOOST_TEST(seconds <= LIMIT + 30, "both ended " << seconds << " s after the cut");  // slow machines save slowly
    checkContains(first, "did not answer within 5 s");
    checkContains(second, "did not answer within 5 s");

    // What the first process saved is a state of the undisturbed training: one process goes on from there.
    BOOST_TEST(std::stoi(world.last("run").metadata.at("iteration")) < 80, "the cut came too late");
    for (const bool resume : {false, true})
    {
        TrainOptions options = withEvaluation(world, resume ? "run" : "alone");
        options.resume = resume;
        BOOST_TEST(Trainer(config, options).run());
    }
    BOOST_TEST(difference(world.last("alone"), world.last("run")) < 1e-6);
}

//! The program, its script, and a request to stop that reaches one process only.
BOOST_AUTO_TEST_CASE(script_of_local_processes, *boost::unit_test::precondition(ProgramIsThere{"d2det_train"}))
{
    const World world;
    Config config = configOf(world, 2);
    config.solver.epochs = 40;
    std::ofstream(world.path("c.json")) << configToJson(config);
    const std::string script = std::string(D2DET_SOURCE_DIR) + "/scripts/train_local.sh 2 '" +
                               programPath("d2det_train") + "' --threads 1 --eval-every 0 --process-timeout 60";
    std::ofstream(world.path("stop.sh")) << script << " --config c.json --output run & pid=$!\n"
                                         << "while [ ! -e run/last.safetensors ] && kill -0 $pid; do sleep 0.05; done\n"
                                         << "pkill -TERM -n -f 'output run'\n"
                                         << "wait $pid\n";
    const Outcome stopped = runShell(world.folder.path(), "bash stop.sh");
    BOOST_TEST(stopped.code == 130, stopped.text);
    BOOST_TEST(std::stoi(world.last("run").metadata.at("iteration")) < 80, "the signal came too late");
    const Outcome resumed = runShell(world.folder.path(), script + " --resume --epochs 41 --output run");
    BOOST_TEST(resumed.code == 0, resumed.text);
    checkContains(resumed.out, "finished after iteration 82");
    BOOST_TEST(resumed.out.find("finished after", resumed.out.find("finished after") + 1) == std::string::npos);
    const Outcome refused = runShell(world.folder.path(), script + " --config nothing.json --output other");
    BOOST_TEST(refused.code == 1, refused.text);
}

BOOST_AUTO_TEST_SUITE(process, *boost::unit_test::precondition(isLaunched))

BOOST_AUTO_TEST_CASE(adds_up)
{
    const auto group = join();
    const int rank = group->rank(), size = group->size();
    const double ranks = size * (size - 1) / 2.;
    // Of several shapes, one not contiguous, one empty, one of another type.
    torch::Tensor matrix = torch::full({4, 3}, rank + 1.f).t(), vector = torch::arange(5.f) * rank,
                  none = torch::empty({0});
    torch::Tensor whole = torch::full({2}, rank, torch::kLong);
    group->sum({matrix, vector, none, whole});
    BOOST_TEST(torch::equal(matrix, torch::full({3, 4}, float(ranks + size))));
    BOOST_TEST(torch::equal(vector, torch::arange(5.f) * ranks));
    BOOST_TEST(torch::equal(whole, torch::full({2}, int64_t(ranks), torch::kLong)));

    torch::manual_seed(static_cast<uint64_t>(rank));
    torch::Tensor random = torch::randn({1000});
    torch::Tensor copy = random.clone();
    group->broadcast({copy});
    BOOST_TEST(torch::equal(copy, random) == (rank == 0));
    group->sum({random});  // the same bits in all processes
    const std::string bits(static_cast<const char*>(random.data_ptr()), random.nbytes());
    for (const std::string& other : group->gather(bits))
        BOOST_TEST((other == bits));

    BOOST_TEST(group->sum(0.25) == 0.25 * size);
    BOOST_TEST(group->largest(-rank) == 0);
    const std::vector<std::string> texts = group->gather(std::string(static_cast<size_t>(rank), 'x'));
    BOOST_REQUIRE(texts.size() == static_cast<size_t>(size));
    for (size_t i = 0; i < texts.size(); i++)
        BOOST_TEST(texts[i] == std::string(i, 'x'));
    group->barrier();
}

BOOST_AUTO_TEST_CASE(trains)
{
    TrainOptions options;
    options.output = std::getenv("TEST_RUN");
    options.threads = 1;
    options.console = false;
    options.evalEvery = 1.5;
    options.group = join();
    int steps = 0;
    options.stop = [&]
    {
        if (std::getenv("TEST_END") && options.group->rank() == 1 && ++steps == 2)
            _exit(9);
        return false;
    };
    BOOST_TEST(Trainer(loadConfig(std::getenv("TEST_CONFIG")), options).run());
}

BOOST_AUTO_TEST_CASE(resumes)
{
    TrainOptions options;
    options.output = std::getenv("TEST_RUN");
    options.console = false;
    options.resume = true;
    options.group = join();
    Trainer trainer(loadConfig(std::getenv("TEST_CONFIG")), options);
}

BOOST_AUTO_TEST_CASE(ends_early)
{
    const auto group = join();
    group->barrier();
    if (group->rank() == 1)
        _exit(9);
    const std::string error = errorOf(
        [&]
        {
            for (int i = 0; i < 3; i++)  // the first may still be under way
                group->sum(1.);
        });
    checkContains(error, "process 0 of 2 cannot add up with the others: another process has ended");
}

BOOST_AUTO_TEST_SUITE_END()
