"""The part of the VI object model that the simulator plays, as tables.

A block is a type, its base type after the colon, and its members in the order of the VI API
reference: name, type (``[]`` for an array), and the API version that introduced it, where that
is later than 2.0. The lower-case type names stand for the XSD types of the same name.
"""

__all__ = ["DATA_OBJECTS", "MANAGED_OBJECTS"]

MANAGED_OBJECTS = """
ManagedObject
ServiceInstance : ManagedObject
    serverClock dateTime
    content ServiceContent
SessionManager : ManagedObject
    currentSession UserSession
    defaultLocale string
PropertyCollector : ManagedObject
    filter reference[]
PropertyFilter : ManagedObject
    partialUpdates boolean
ViewManager : ManagedObject
    viewList reference[]
ManagedObjectView : ManagedObject
    view reference[]
ContainerView : ManagedObjectView
    container reference
    type string[]
    recursive boolean
ListView : ManagedObjectView
SearchIndex : ManagedObject
TaskManager : ManagedObject
    recentTask reference[]
    maxCollector int
Task : ManagedObject
    info TaskInfo
EventManager : ManagedObject
    latestEvent Event
    maxCollector int
HistoryCollector : ManagedObject
EventHistoryCollector : HistoryCollector
    latestPage Event[]
    initialized boolean 8.0.3
HostAutoStartManager : ManagedObject
    config HostAutoStartManagerConfig
HostDatastoreBrowser : ManagedObject
ManagedEntity : ManagedObject
    parent reference
    overallStatus ManagedEntityStatus
    configStatus ManagedEntityStatus
    name string
    recentTask reference[]
    alarmActionsEnabled boolean 4.0
Folder : ManagedEntity
    childType string[]
    childEntity reference[]
Datacenter : ManagedEntity
    vmFolder reference
    hostFolder reference
    datastoreFolder reference 4.0
    networkFolder reference 4.0
    datastore reference[]
    network reference[]
ComputeResource : ManagedEntity
    resourcePool reference
    host reference[]
    datastore reference[]
    network reference[]
ClusterComputeResource : ComputeResource
ResourcePool : ManagedEntity
    owner reference
    resourcePool reference[]
    vm reference[]
Datastore : ManagedEntity
    summary DatastoreSummary
    host DatastoreHostMount[]
    vm reference[]
    browser reference
HostSystem : ManagedEntity
    runtime HostRuntimeInfo
    summary HostListSummary
    hardware HostHardwareInfo
    capability HostCapability
    configManager HostConfigManager
    config HostConfigInfo
    vm reference[]
    datastore reference[]
    network reference[]
VirtualMachine : ManagedEntity
    config VirtualMachineConfigInfo
    resourcePool reference
    parentVApp reference 4.1
    runtime VirtualMachineRuntimeInfo
    guest GuestInfo
    summary VirtualMachineSummary
    datastore reference[]
    network reference[]
    snapshot VirtualMachineSnapshotInfo
    rootSnapshot reference[] 4.1
    guestHeartbeatStatus ManagedEntityStatus
VirtualMachineSnapshot : ManagedObject
    childSnapshot reference[] 4.1
    vm reference 6.0
"""

DATA_OBJECTS = """
ServiceContent
    rootFolder reference
    propertyCollector reference
    viewManager reference 2.5
    about AboutInfo
    sessionManager reference
    eventManager reference
    taskManager reference
    searchIndex reference
AboutInfo
    name string
    fullName string
    vendor string
    version string
    build string
    localeVersion string
    localeBuild string
    osType string
    productLineId string
    apiType string
    apiVersion string
    instanceUuid string 4.0
    licenseProductName string 4.0
    licenseProductVersion string 4.0
UserSession
    key string
    userName string
    fullName string
    loginTime dateTime
    lastActiveTime dateTime
    locale string
    messageLocale string
    extensionSession boolean 5.0
    ipAddress string 5.1
    userAgent string 5.1
    callCount long 5.1
TaskInfo
    key string
    task reference
    description LocalizableMessage 4.0
    name string
    descriptionId string
    entity reference
    entityName string
    locked reference[]
    state TaskInfoState
    cancelled boolean
    cancelable boolean
    error LocalizedMethodFault
    result anyType
    progress int
    reason TaskReason
    queueTime dateTime
    startTime dateTime
    completeTime dateTime
    eventChainId int
    changeTag string 4.0
    parentTaskKey string 4.0
    rootTaskKey string 4.0
    activationId string 6.0
LocalizableMessage
    key string
    arg KeyAnyValue[]
    message string
TaskReason
TaskReasonUser : TaskReason
    userName string
TaskReasonSystem : TaskReason
TaskReasonAlarm : TaskReason
    alarmName string
    alarm reference
    entityName string
    entity reference
TaskReasonSchedule : TaskReason
    name string
    scheduledTask reference
LocalizedMethodFault
    fault MethodFault
    localizedMessage string
MethodFault
InvalidPowerState : MethodFault
    requestedState VirtualMachinePowerState
    existingState VirtualMachinePowerState
InvalidArgument : MethodFault
    invalidProperty string
InvalidProperty : MethodFault
    name string
MethodNotFound : MethodFault
    receiver reference
    method string
ManagedObjectNotFound : MethodFault
    obj reference
TaskInProgress : MethodFault
    task reference
NotAuthenticated : MethodFault
    object reference
    privilegeId string
GenericVmConfigFault : MethodFault
    reason string
FileFault : MethodFault
    file string
InsufficientResourcesFault : MethodFault
DuplicateName : MethodFault
    name string
    object reference
VirtualMachineRuntimeInfo
    host reference
    connectionState VirtualMachineConnectionState
    powerState VirtualMachinePowerState
    vmFailoverInProgress boolean 7.0.2
    faultToleranceState VirtualMachineFaultToleranceState 4.0
    toolsInstallerMounted boolean
    suspendTime dateTime
    bootTime dateTime
    suspendInterval long
    question VirtualMachineQuestionInfo
    numMksConnections int
    cleanPowerOff boolean 4.0
    onlineStandby boolean 5.1
    consolidationNeeded boolean 5.0
    paused boolean 6.0
    snapshotInBackground boolean 6.0
    instantCloneFrozen boolean 6.7
    suspendedToMemory boolean 7.0.2
VirtualMachineQuestionInfo
    id string
    text string
    choice ChoiceOption
    message VirtualMachineMessage[] 2.5
VirtualMachineMessage
    id string
    text string 4.0
OptionType
    valueIsReadonly boolean
ChoiceOption : OptionType
    choiceInfo ElementDescription[]
    defaultIndex int
Description
    label string
    summary string
ElementDescription : Description
    key string
HostVirtualNicManagerNicTypeElement : ElementDescription
VirtualMachineConfigInfo
    changeVersion string
    modified dateTime
    name string
    guestFullName string
    version string
    uuid string
    createDate dateTime 6.7
    instanceUuid string 4.0
    template boolean
    guestId string
    alternateGuestName string 2.5
    annotation string
    files VirtualMachineFileInfo
    rebootPowerOff boolean 8.0.0.1
    hardware VirtualHardware
    cpuAllocation ResourceAllocationInfo
    memoryAllocation ResourceAllocationInfo
    cpuAffinity VirtualMachineAffinityInfo
    extraConfig OptionValue[]
    ftInfo FaultToleranceConfigInfo 4.0
    firmware string 5.0
VirtualMachineAffinityInfo
    affinitySet int[]
OptionValue
    key string
    value anyType
FaultToleranceConfigInfo
    role int
    instanceUuids string[]
    configPaths string[]
VirtualMachineConfigSpec
    changeVersion string
    name string
    version string
    uuid string
    instanceUuid string 4.0
    guestId string
    annotation string
    deviceChange VirtualDeviceConfigSpec[]
    cpuAllocation ResourceAllocationInfo
    memoryAllocation ResourceAllocationInfo
VirtualDeviceConfigSpec
    operation VirtualDeviceConfigSpecOperation
    fileOperation VirtualDeviceConfigSpecFileOperation
    device VirtualDevice
VirtualDevice
    key int
    deviceInfo Description
    backing VirtualDeviceBackingInfo
    connectable VirtualDeviceConnectInfo
    controllerKey int
    unitNumber int
VirtualDeviceBackingInfo
VirtualDeviceFileBackingInfo : VirtualDeviceBackingInfo
    fileName string
    datastore reference
VirtualDeviceDeviceBackingInfo : VirtualDeviceBackingInfo
    deviceName string
    useAutoDetect boolean 2.5
VirtualDeviceRemoteDeviceBackingInfo : VirtualDeviceBackingInfo
    deviceName string
    useAutoDetect boolean 2.5
VirtualDevicePipeBackingInfo : VirtualDeviceBackingInfo
    pipeName string
VirtualDeviceURIBackingInfo : VirtualDeviceBackingInfo
    serviceURI string
    direction string
    proxyURI string
VirtualController : VirtualDevice
    busNumber int
    device int[]
VirtualPCIController : VirtualController
VirtualPS2Controller : VirtualController
VirtualSIOController : VirtualController
VirtualIDEController : VirtualController
VirtualSATAController : VirtualController
VirtualAHCIController : VirtualSATAController
VirtualNVMEController : VirtualController
VirtualSCSIController : VirtualController
    hotAddRemove boolean
    sharedBus VirtualSCSISharing
    scsiCtlrUnitNumber int
VirtualBusLogicController : VirtualSCSIController
VirtualLsiLogicController : VirtualSCSIController
VirtualLsiLogicSASController : VirtualSCSIController
ParaVirtualSCSIController : VirtualSCSIController
VirtualKeyboard : VirtualDevice
VirtualPointingDevice : VirtualDevice
VirtualMachineVideoCard : VirtualDevice
    videoRamSizeInKB long
VirtualDisk : VirtualDevice
    capacityInKB long
VirtualDiskFlatVer2BackingInfo : VirtualDeviceFileBackingInfo
    diskMode string
    split boolean
    writeThrough boolean
    thinProvisioned boolean
VirtualCdrom : VirtualDevice
VirtualCdromIsoBackingInfo : VirtualDeviceFileBackingInfo
VirtualCdromAtapiBackingInfo : VirtualDeviceDeviceBackingInfo
VirtualCdromPassthroughBackingInfo : VirtualDeviceDeviceBackingInfo
    exclusive boolean
VirtualCdromRemotePassthroughBackingInfo : VirtualDeviceRemoteDeviceBackingInfo
    exclusive boolean
VirtualFloppy : VirtualDevice
VirtualFloppyImageBackingInfo : VirtualDeviceFileBackingInfo
VirtualFloppyDeviceBackingInfo : VirtualDeviceDeviceBackingInfo
VirtualFloppyRemoteDeviceBackingInfo : VirtualDeviceRemoteDeviceBackingInfo
VirtualUSB : VirtualDevice
VirtualSerialPort : VirtualDevice
    yieldOnPoll boolean
VirtualSerialPortFileBackingInfo : VirtualDeviceFileBackingInfo
VirtualSerialPortDeviceBackingInfo : VirtualDeviceDeviceBackingInfo
VirtualSerialPortPipeBackingInfo : VirtualDevicePipeBackingInfo
    endpoint string
    noRxLoss boolean
VirtualSerialPortURIBackingInfo : VirtualDeviceURIBackingInfo
VirtualParallelPort : VirtualDevice
VirtualParallelPortFileBackingInfo : VirtualDeviceFileBackingInfo
VirtualParallelPortDeviceBackingInfo : VirtualDeviceDeviceBackingInfo
VirtualEthernetCard : VirtualDevice
    addressType string
    macAddress string
VirtualEthernetCardNetworkBackingInfo : VirtualDeviceDeviceBackingInfo
    network reference
VirtualEthernetCardDistributedVirtualPortBackingInfo : VirtualDeviceBackingInfo
    port DistributedVirtualSwitchPortConnection
DistributedVirtualSwitchPortConnection
    switchUuid string
    portgroupKey string
    portKey string
    connectionCookie int
VirtualEthernetCardOpaqueNetworkBackingInfo : VirtualDeviceBackingInfo
    opaqueNetworkId string
    opaqueNetworkType string
VirtualE1000 : VirtualEthernetCard
VirtualE1000e : VirtualEthernetCard
VirtualPCNet32 : VirtualEthernetCard
VirtualVmxnet : VirtualEthernetCard
VirtualVmxnet2 : VirtualVmxnet
VirtualVmxnet3 : VirtualVmxnet
VirtualDeviceConnectInfo
    startConnected boolean
    allowGuestControl boolean
    connected boolean
VirtualMachineTicket
    ticket string
    cfgFile string
    host string
    port int
VirtualMachineFileInfo
    vmPathName string
    snapshotDirectory string
    suspendDirectory string
    logDirectory string
VirtualHardware
    numCPU int
    numCoresPerSocket int 5.0
    memoryMB int
    device VirtualDevice[]
ResourceAllocationInfo
    reservation long
    expandableReservation boolean
    limit long
    shares SharesInfo
SharesInfo
    shares int
    level SharesLevel
GuestInfo
    toolsStatus VirtualMachineToolsStatus
    toolsVersionStatus string 4.0
    toolsRunningStatus string 4.0
    toolsVersion string
    guestId string
    guestFamily string
    guestFullName string
    hostName string
    ipAddress string
    net GuestNicInfo[]
    guestState string
    appHeartbeatStatus string 4.1
    guestKernelCrashed boolean 6.0
    guestOperationsReady boolean 5.0
VirtualMachineSnapshotInfo
    currentSnapshot reference
    rootSnapshotList VirtualMachineSnapshotTree[]
VirtualMachineSnapshotTree
    snapshot reference
    vm reference
    name string
    description string
    createTime dateTime
    state VirtualMachinePowerState
    quiesced boolean
    childSnapshotList VirtualMachineSnapshotTree[]
VirtualMachineSummary
    vm reference
    runtime VirtualMachineRuntimeInfo
    guest VirtualMachineGuestSummary
    config VirtualMachineConfigSummary
    quickStats VirtualMachineQuickStats
    overallStatus ManagedEntityStatus
VirtualMachineGuestSummary
    guestId string
    guestFullName string
    toolsStatus VirtualMachineToolsStatus
    toolsRunningStatus string 4.0
    hostName string
    ipAddress string
VirtualMachineConfigSummary
    name string
    template boolean
    vmPathName string
    memorySizeMB int
    numCpu int
    uuid string
    instanceUuid string 4.0
    guestId string
    guestFullName string
    annotation string
VirtualMachineQuickStats
    overallCpuUsage int
    overallCpuDemand int 4.0
    guestMemoryUsage int
    hostMemoryUsage int
    guestHeartbeatStatus ManagedEntityStatus
    swappedMemory int 4.0
    balloonedMemory int 4.0
    uptimeSeconds int 4.1
DatastoreSummary
    datastore reference
    name string
    url string
    capacity long
    freeSpace long
    accessible boolean
    multipleHostAccess boolean
    type string
DatastoreHostMount
    key reference
    mountInfo HostMountInfo
HostMountInfo
    path string
    accessMode string
    mounted boolean 5.0
    accessible boolean 2.5
HostRuntimeInfo
    connectionState HostSystemConnectionState
    powerState HostSystemPowerState 2.5
    inMaintenanceMode boolean
    bootTime dateTime
HostListSummary
    host reference
    hardware HostHardwareSummary
    runtime HostRuntimeInfo
    config HostConfigSummary
    quickStats HostListSummaryQuickStats
    overallStatus ManagedEntityStatus
    rebootRequired boolean
    managementServerIp string 2.5
HostHardwareSummary
    vendor string
    model string
    uuid string
    memorySize long
    cpuModel string
    cpuMhz int
    numCpuPkgs short
    numCpuCores short
    numCpuThreads short
    numNics int
    numHBAs int
HostConfigSummary
    name string
    port int
    product AboutInfo
    vmotionEnabled boolean
HostListSummaryQuickStats
    overallCpuUsage int
    overallMemoryUsage int
    uptime int 4.1
HostHardwareInfo
    systemInfo HostSystemInfo
    cpuInfo HostCpuInfo
    memorySize long
    numaInfo HostNumaInfo
    cpuFeature HostCpuIdInfo[]
HostSystemInfo
    vendor string
    model string
    uuid string
HostCpuInfo
    numCpuPackages short
    numCpuCores short
    numCpuThreads short
    hz long
HostNumaInfo
    type string
    numNodes int
HostCpuIdInfo
    level int
    vendor string
    eax string
    ebx string
    ecx string
    edx string
HostCapability
    vmotionSupported boolean
    maxSupportedVcpus int
    maintenanceModeSupported boolean
    screenshotSupported boolean 2.5
HostConfigManager
    autoStartManager reference
HostConfigInfo
    host reference
    product AboutInfo
    network HostNetworkInfo
HostNetworkInfo
    dnsConfig HostDnsConfig
HostDnsConfig
    dhcp boolean
    hostName string
    domainName string
HostAutoStartManagerConfig
    defaults AutoStartDefaults
    powerInfo AutoStartPowerInfo[]
AutoStartDefaults
    enabled boolean
    startDelay int
    stopDelay int
    waitForHeartbeat boolean
    stopAction string
EntityEventArgument
    name string
DatacenterEventArgument : EntityEventArgument
    datacenter reference
ComputeResourceEventArgument : EntityEventArgument
    computeResource reference
HostEventArgument : EntityEventArgument
    host reference
VmEventArgument : EntityEventArgument
    vm reference
FolderEventArgument : EntityEventArgument
    folder reference
Event
    key int
    chainId int
    createdTime dateTime
    userName string
    datacenter DatacenterEventArgument
    computeResource ComputeResourceEventArgument
    host HostEventArgument
    vm VmEventArgument
    fullFormattedMessage string
TaskEvent : Event
    info TaskInfo
SessionEvent : Event
UserLoginSessionEvent : SessionEvent
    ipAddress string
    locale string
    sessionId string
VmEvent : Event
    template boolean
VmStartingEvent : VmEvent
VmPoweredOnEvent : VmEvent
DrsVmPoweredOnEvent : VmPoweredOnEvent
VmRestartedOnAlternateHostEvent : VmPoweredOnEvent
    sourceHost HostEventArgument
VmStoppingEvent : VmEvent
VmPoweredOffEvent : VmEvent
VmPowerOffOnIsolationEvent : VmPoweredOffEvent
    isolatedHost HostEventArgument
VmShutdownOnIsolationEvent : VmPoweredOffEvent
    isolatedHost HostEventArgument
    shutdownResult string
VmSuspendingEvent : VmEvent
VmSuspendedEvent : VmEvent
VmResumingEvent : VmEvent
VmResettingEvent : VmEvent
VmGuestShutdownEvent : VmEvent
VmGuestRebootEvent : VmEvent
VmGuestStandbyEvent : VmEvent
VmGuestOSCrashedEvent : VmEvent
VmFailedToPowerOnEvent : VmEvent
    reason LocalizedMethodFault
NotEnoughResourcesToStartVmEvent : VmEvent
    reason string
VmDasBeingResetEvent : VmEvent
    reason string
VmDasBeingResetWithScreenshotEvent : VmDasBeingResetEvent
    screenshotFilePath string
VmDasResetFailedEvent : VmEvent
VmPrimaryFailoverEvent : VmEvent
    reason string
VmFaultToleranceVmTerminatedEvent : VmEvent
    reason string
VmMessageEvent : VmEvent
    message string
    messageInfo VirtualMachineMessage[] 2.5
VmMessageErrorEvent : VmEvent
    message string
VmBeingMigratedEvent : VmEvent
    destHost HostEventArgument
VmBeingHotMigratedEvent : VmEvent
    destHost HostEventArgument
VmMigratedEvent : VmEvent
    sourceHost HostEventArgument
DrsVmMigratedEvent : VmMigratedEvent
VmFailedMigrateEvent : VmEvent
    destHost HostEventArgument
    reason LocalizedMethodFault
VmEmigratingEvent : VmEvent
VmRelocateSpecEvent : VmEvent
VmBeingRelocatedEvent : VmRelocateSpecEvent
    destHost HostEventArgument
VmRelocatedEvent : VmRelocateSpecEvent
    sourceHost HostEventArgument
VmBeingCreatedEvent : VmEvent
VmCreatedEvent : VmEvent
VmUuidAssignedEvent : VmEvent
    uuid string
VmUuidChangedEvent : VmEvent
    oldUuid string
    newUuid string
VmInstanceUuidAssignedEvent : VmEvent
    instanceUuid string
VmMacChangedEvent : VmEvent
    adapter string
    oldMac string
    newMac string
VmRegisteredEvent : VmEvent
VmDiscoveredEvent : VmEvent
VmRemovedEvent : VmEvent
VmRenamedEvent : VmEvent
    oldName string
    newName string
VmAutoRenameEvent : VmEvent
    oldName string
    newName string
VmReconfiguredEvent : VmEvent
    configSpec VirtualMachineConfigSpec
VmResourceReallocatedEvent : VmEvent
VmCloneEvent : VmEvent
VmBeingClonedEvent : VmCloneEvent
    destFolder FolderEventArgument
    destName string
    destHost HostEventArgument
VmClonedEvent : VmCloneEvent
    sourceVm VmEventArgument
VmDeployedEvent : VmEvent
    srcTemplate VmEventArgument
VmAcquiredMksTicketEvent : VmEvent
VmAcquiredTicketEvent : VmEvent
    ticketType string
VmRemoteConsoleConnectedEvent : VmEvent
VmRemoteConsoleDisconnectedEvent : VmEvent
VmDisconnectedEvent : VmEvent
VmConnectedEvent : VmEvent
VmOrphanedEvent : VmEvent
HostEvent : Event
HostConnectionLostEvent : HostEvent
HostConnectedEvent : HostEvent
HostDisconnectedEvent : HostEvent
HostShutdownEvent : HostEvent
    reason string
HostRemovedEvent : HostEvent
ClusterEvent : Event
DasHostFailedEvent : ClusterEvent
    failedHost HostEventArgument
EnteredMaintenanceModeEvent : HostEvent
ExitMaintenanceModeEvent : HostEvent
GeneralEvent : Event
    message string
GeneralUserEvent : GeneralEvent
EventEx : Event
    eventTypeId string
    severity string
    message string
    arguments KeyAnyValue[]
    objectId string
    objectType string
    objectName string
    fault LocalizedMethodFault
KeyAnyValue
    key string
    value anyType
"""
