include $(sort $(wildcard $(BR2_EXTERNAL_EDGEBAN_PATH)/package/*/*.mk))
