/* SPDX-License-Identifier: MIT */
/*
 * command_rows.h - commands as bytes and what they mean, from the unit tests of other
 * servers (vectors/commands.json). A row holds in each version of its mask.
 */
#pragma once

#include <stdint.h>

#include "codec/package.h"

enum {
    V1 = 1,
    V2 = 2,
};

struct command_row {
    enum pkg_id pkg;
    unsigned version_mask;
    enum pkg_dir dir;
    const char *hex;
    const char *text; /* of any_format() */
};

static const struct command_row command_rows[] = {
    {PKG_CLOCK, V1 | V2, PKG_DOWN, "01000400000f", "AppTimeAns correction=1024 token=15"},
    {PKG_CLOCK, V1 | V2, PKG_DOWN, "020f", "PeriodicityReq period=15"},
    {PKG_CLOCK, V1 | V2, PKG_DOWN, "0307", "ForceResync count=7"},
    {PKG_CLOCK, V1 | V2, PKG_DOWN, "00", "PackageVersionReq"},
    {PKG_CLOCK, V1 | V2, PKG_UP, "01000400001f",
     "AppTimeReq time=1024 token=15 ans_required=1"},
    {PKG_CLOCK, V1 | V2, PKG_UP, "020100040000",
     "PeriodicityAns not_supported=1 time=1024"},
    {PKG_CLOCK, V1 | V2, PKG_UP, "000101", "PackageVersionAns id=1 version=1"},
    {PKG_FRAG, V1 | V2, PKG_DOWN, "08008401020304", "Data index=2 n=1024 data=01020304"},
    {PKG_FRAG, V1 | V2, PKG_DOWN, "0303", "DeleteReq index=3"},
    {PKG_FRAG, V1, PKG_DOWN, "02310004800d4001020304",
     "SetupReq index=3 mask=1 count=1024 size=128 algo=1 delay=5 ack=0 "
     "padding=64 descriptor=01020304 cnt=0 mic=00000000"},
    {PKG_FRAG, V1 | V2, PKG_DOWN, "0105", "StatusReq index=2 all=1"},
    {PKG_FRAG, V1 | V2, PKG_DOWN, "00", "PackageVersionReq"},
    {PKG_FRAG, V1 | V2, PKG_UP, "0307", "DeleteAns index=3 no_session=1"},
    {PKG_FRAG, V1 | V2, PKG_UP, "028b",
     "SetupAns index=2 algo=1 memory=1 index=0 descriptor=1 replay=0"},
    {PKG_FRAG, V1, PKG_UP, "0100c48001",
     "StatusAns index=3 received=1024 missing=128 memory=1 mic=0 "
     "no_session=0 no_counts=0 layout=1"},
    {PKG_FRAG, V2, PKG_DOWN, "0402", "ReceivedAns index=2"},
    {PKG_FRAG, V2, PKG_DOWN, "02310004800d4001020304800001020304",
     "SetupReq index=3 mask=1 count=1024 size=128 algo=1 delay=5 ack=0 "
     "padding=64 descriptor=01020304 cnt=128 mic=01020304"},
    {PKG_FRAG, V2, PKG_UP, "0406", "ReceivedReq index=2 mic_error=1"},
    {PKG_FRAG, V2, PKG_UP, "010500c480",
     "StatusAns index=3 received=1024 missing=128 memory=1 mic=0 "
     "no_session=1 no_counts=0 layout=2"},
    {PKG_FRAG, V2, PKG_UP, "000302", "PackageVersionAns id=3 version=2"},
    {PKG_MCAST, V1 | V2, PKG_DOWN, "0503000400004f28768405",
     "ClassBReq id=3 time=1024 timeout=15 periodicity=4 freq=868100000 dr=5"},
    {PKG_MCAST, V1 | V2, PKG_DOWN, "0402000400000f28768405",
     "ClassCReq id=2 time=1024 timeout=15 periodicity=0 freq=868100000 dr=5"},
    {PKG_MCAST, V1 | V2, PKG_DOWN, "0303", "GroupDeleteReq id=3"},
    {PKG_MCAST, V1 | V2, PKG_DOWN,
     "020204030201010203040506070801020304050607080004000000080000",
     "GroupSetupReq id=2 addr=01020304 key=01020304050607080102030405060708 "
     "min=1024 max=2048"},
    {PKG_MCAST, V1 | V2, PKG_DOWN, "0103", "GroupStatusReq mask=3"},
    {PKG_MCAST, V1 | V2, PKG_DOWN, "00", "PackageVersionReq"},
    {PKG_MCAST, V1 | V2, PKG_UP, "0503000400",
     "ClassBAns id=3 dr=0 freq=0 undefined=0 missed=0 start=1024"},
    {PKG_MCAST, V1 | V2, PKG_UP, "051f",
     "ClassBAns id=3 dr=1 freq=1 undefined=1 missed=0 start=0"},
    {PKG_MCAST, V1 | V2, PKG_UP, "0402000400",
     "ClassCAns id=2 dr=0 freq=0 undefined=0 missed=0 start=1024"},
    {PKG_MCAST, V1 | V2, PKG_UP, "041e",
     "ClassCAns id=2 dr=1 freq=1 undefined=1 missed=0 start=0"},
    {PKG_MCAST, V1 | V2, PKG_UP, "0307", "GroupDeleteAns id=3 undefined=1"},
    {PKG_MCAST, V1 | V2, PKG_UP, "0206", "GroupSetupAns id=2 id_error=1"},
    {PKG_MCAST, V1 | V2, PKG_UP, "012300040302010104030202",
     "GroupStatusAns mask=3 total=2 0:01020304 1:02020304"},
    {PKG_MCAST, V1 | V2, PKG_UP, "000101", "PackageVersionAns id=1 version=1"},
    {PKG_CLOCK, V1, PKG_UP, "010102040815",
     "AppTimeReq time=134480385 token=5 ans_required=1"},
    {PKG_CLOCK, V1, PKG_DOWN, "01fffdfbf705", "AppTimeAns correction=-134480385 token=5"},
    {PKG_CLOCK, V1, PKG_DOWN, "0205", "PeriodicityReq period=5"},
    {PKG_CLOCK, V1, PKG_UP, "020101020408",
     "PeriodicityAns not_supported=1 time=134480385"},
    {PKG_CLOCK, V1, PKG_DOWN, "0305", "ForceResync count=5"},
    {PKG_FRAG, V1, PKG_UP, "000101", "PackageVersionAns id=1 version=1"},
    {PKG_FRAG, V1, PKG_DOWN, "02350102ff2c8101020304",
     "SetupReq index=3 mask=5 count=513 size=255 algo=5 delay=4 ack=0 "
     "padding=129 descriptor=01020304 cnt=0 mic=00000000"},
    {PKG_FRAG, V1, PKG_UP, "02cf",
     "SetupAns index=3 algo=1 memory=1 index=1 descriptor=1 replay=0"},
    {PKG_FRAG, V1, PKG_DOWN, "0801c2010203040506",
     "Data index=3 n=513 data=010203040506"},
    {PKG_FRAG, V1, PKG_DOWN, "0107", "StatusReq index=3 all=1"},
    {PKG_FRAG, V1, PKG_UP, "0101c2ff01",
     "StatusAns index=3 received=513 missing=255 memory=1 mic=0 no_session=0 "
     "no_counts=0 layout=1"},
    {PKG_MCAST, V1, PKG_DOWN, "010a", "GroupStatusReq mask=10"},
    {PKG_MCAST, V1, PKG_UP, "014c03040302010201020304",
     "GroupStatusAns mask=12 total=4 3:01020304 2:04030201"},
    {PKG_MCAST, V1, PKG_DOWN,
     "0202040302010102030405060708010203040506070864000000c8000000",
     "GroupSetupReq id=2 addr=01020304 key=01020304050607080102030405060708 "
     "min=100 max=200"},
    {PKG_MCAST, V1, PKG_UP, "0207", "GroupSetupAns id=3 id_error=1"},
    {PKG_MCAST, V1, PKG_UP, "0305", "GroupDeleteAns id=1 undefined=1"},
    {PKG_MCAST, V1, PKG_DOWN, "0403010204080828768404",
     "ClassCReq id=3 time=134480385 timeout=8 periodicity=0 freq=868100000 "
     "dr=4"},
    {PKG_MCAST, V1, PKG_UP, "0403010204",
     "ClassCAns id=3 dr=0 freq=0 undefined=0 missed=0 start=262657"},
    {PKG_MCAST, V1, PKG_UP, "041f",
     "ClassCAns id=3 dr=1 freq=1 undefined=1 missed=0 start=0"},
    {PKG_MCAST, V1, PKG_DOWN, "0503010204084828768405",
     "ClassBReq id=3 time=134480385 timeout=8 periodicity=4 freq=868100000 "
     "dr=5"},
    {PKG_MCAST, V1, PKG_UP, "0503010204",
     "ClassBAns id=3 dr=0 freq=0 undefined=0 missed=0 start=262657"},
    {PKG_FWMGMT, V1, PKG_DOWN, "00", "PackageVersionReq"},
    {PKG_FWMGMT, V1, PKG_UP, "000101", "PackageVersionAns id=1 version=1"},
    {PKG_FWMGMT, V1, PKG_DOWN, "01", "DevVersionReq"},
    {PKG_FWMGMT, V1, PKG_UP, "0101020000f0040000", "DevVersionAns fw=513 hw=1264"},
    {PKG_FWMGMT, V1, PKG_DOWN, "0201020408", "RebootTimeReq time=134480385"},
    {PKG_FWMGMT, V1, PKG_UP, "0201020408", "RebootTimeAns delay=134480385"},
    {PKG_FWMGMT, V1, PKG_DOWN, "03010204", "RebootCountdown delay=262657"},
    {PKG_FWMGMT, V1, PKG_UP, "03010204", "RebootCountdown delay=262657"},
    {PKG_FWMGMT, V1, PKG_DOWN, "04", "UpgradeImageReq"},
    {PKG_FWMGMT, V1, PKG_UP, "040301020400", "UpgradeImageAns status=3 next=262657"},
    {PKG_FWMGMT, V1, PKG_DOWN, "0501020300", "DeleteImageReq version=197121"},
    {PKG_FWMGMT, V1, PKG_UP, "0503", "DeleteImageAns none=1 invalid=1"},
};
