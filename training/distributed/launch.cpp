// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "distributed/launch.hpp"

#include "base/error.hpp"

#include <cstdlib>

namespace d2det
{

namespace
{

constexpr int MAX_PROCESSES = 65536, MAX_PORT = 65535;

//! Names of the variables of one launcher.
struct Names
{
    const char *launcher, *rank, *size, *localRank, *localSize;
};

constexpr Names LAUNCHERS[] = {
    {"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"},
    {"mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
     "OMPI_COMM_WORLD_LOCAL_SIZE"},
    {"srun", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE"},
};

class Reader
{
public:
    explicit Reader(const Lookup& lookup) : lookup_(lookup) {}

    std::string text(const char* name) const
    {
        const char* const value = lookup_(name);
        return value ? value : "";
    }

    int number(const char* name, int low, int high) const
    {
        const std::string value = text(name);
        const bool digits =
            !value.empty() && value.size() <= 9 && value.find_first_not_of("0123456789") == std::string::npos;
        const int number = digits ? std::atoi(value.c_str()) : -1;
        if (number < low || number > high)
            fail("environment variable " + std::string(name) + " is '" + value + "', it must be a number from " +
                 std::to_string(low) + " to " + std::to_string(high));
        return number;
    }

private:
    const Lookup& lookup_;
};

}  // namespace

Launch readLaunch(const Lookup& lookup)
{
    const Lookup environment = [](const char* name) { return std::getenv(name); };
    const Reader variables(lookup ? lookup : environment);
    Launch launch;
    for (const Names& names : LAUNCHERS)
    {
        const bool rank = !variables.text(names.rank).empty(), size = !variables.text(names.size).empty();
        if (!rank && !size)
            continue;
        if (!rank || !size)
            fail("environment variable " + std::string(rank ? names.rank : names.size) + " is set, but " +
                 (rank ? names.size : names.rank) + " is not: " + names.launcher + " sets both");
        launch.size = variables.number(names.size, 1, MAX_PROCESSES);
        launch.rank = variables.number(names.rank, 0, launch.size - 1);
        if (!variables.text(names.localRank).empty())
            launch.localRank = variables.number(names.localRank, 0, launch.size - 1);
        if (!variables.text(names.localSize).empty())
            launch.localSize = variables.number(names.localSize, 1, MAX_PROCESSES);
        if (launch.size > 1)
            launch.launcher = names.launcher;
        break;
    }
    if (launch.size == 1)
        return launch;
    std::string address = variables.text("MASTER_ADDR");
    if (address.empty())
        address = variables.text("SLURM_LAUNCH_NODE_IPADDR");
    if (!address.empty())
        launch.address = address;
    if (!variables.text("MASTER_PORT").empty())
        launch.port = variables.number("MASTER_PORT", 1, MAX_PORT);
    launch.storeIsThere = variables.text("TORCHELASTIC_USE_AGENT_STORE") == "True";
    return launch;
}

}  // namespace d2det
