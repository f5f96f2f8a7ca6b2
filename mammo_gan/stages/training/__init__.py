"""What stands around a training: devices, processes, memory, dashboards."""
